<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * Compares the webhooks that a receiver accepted with the actions of a {@see Crowd}. It uses nothing else of the sender.
 */
final class Checker
{
    public const string MISSING = 'missing';

    public const string DUPLICATE = 'duplicate';

    public const string OUT_OF_ORDER = 'out of order';

    public const string ALTERED = 'altered';

    /**
     * Descriptions of the faults by kind.
     *
     * @var array<string, list<string>>
     */
    public private(set) array $faults = [self::MISSING => [], self::DUPLICATE => [], self::OUT_OF_ORDER => [], self::ALTERED => []];

    /**
     * The number of webhooks that arrived again with the same ID.
     */
    public private(set) int $repeats = 0;

    /**
     * The events by channel, in the form of {@see Crowd::expected()}, each webhook counted once.
     *
     * @var array<string, list<string>>
     */
    public private(set) array $arrived = [];

    /**
     * Read the requests that carry the key of one application.
     *
     * @param  list<array{headers: array<string, string>, body: string, status: int}>  $requests
     */
    public function __construct(array $requests, string $key = 'key-1', string $secret = 'secret-1')
    {
        $bodies = [];

        foreach ($requests as ['headers' => $headers, 'body' => $body, 'status' => $status]) {
            if ($headers['x-pusher-key'] !== $key || $status !== 200) {
                continue;
            }

            $id = $headers['webhook-id'];

            if (! self::isSigned($headers, $body, $secret) || $body !== ($bodies[$id] ?? $body)) {
                $this->faults[self::ALTERED][] = "webhook {$id}";
            } elseif (isset($bodies[$id])) {
                $this->repeats++;
            } else {
                $bodies[$id] = $body;

                foreach (json_decode($body, true, flags: JSON_THROW_ON_ERROR)['events'] as $event) {
                    $this->arrived[$event['channel']][] = implode(' ', array_filter(
                        [$event['name'], $event['user_id'] ?? null, $event['event'] ?? null], is_string(...),
                    ));
                }
            }
        }
    }

    /**
     * Check everything that must hold for a crowd.
     */
    public function check(Crowd $crowd): self
    {
        $open = array_filter(array_keys($this->arrived), fn (string $channel) => ! $crowd->isCertain($channel));

        return $this->checkSequences($crowd)->checkEdges($open)->checkRest($crowd);
    }

    /**
     * Check that each sequence of the crowd arrived exactly: nothing missing, nothing twice, in order.
     *
     * A node that was killed may have lost its last actions, but no action before one that arrived. The departures of its
     * clients follow.
     */
    public function checkSequences(Crowd $crowd): self
    {
        $last = $this->lastActions($crowd);

        foreach ($crowd->sequences as $name => ['node' => $node, 'events' => $events]) {
            $certain = array_filter($events, fn (array $event) => $event[0] <= ($last[$node] ?? PHP_INT_MAX));
            $expected = array_column($certain, 1);
            $arrived = $this->arrivedOf($crowd, $name);

            if (isset($crowd->ended[$node])) {
                $departures = preg_grep('/^(member_removed|channel_vacated)/', array_slice($arrived, count($expected), preserve_keys: true));
                $arrived = array_values(array_diff_key($arrived, $departures));
            }

            $this->compare($name, $expected, $arrived);
        }

        return $this;
    }

    /**
     * Check that the edges of some channels, or of all, alternate, and that a channel with members is occupied.
     *
     * @param  list<string>|null  $channels
     */
    public function checkEdges(?array $channels = null): self
    {
        foreach ($channels ?? array_keys($this->arrived) as $channel) {
            $present = [];

            foreach ($this->edgesOf($channel) as [$event, $subject, $comes]) {
                if ($comes === isset($present[$subject])) {
                    $this->faults[self::DUPLICATE][] = "{$channel}: {$event}";
                }

                $present[$subject] = $comes ?: null;

                if (! isset($present[$channel]) && array_filter($present) !== []) {
                    $this->faults[self::OUT_OF_ORDER][] = "{$channel}: {$event}";
                }
            }
        }

        return $this;
    }

    /**
     * Check that the last edges agree with the clients that are connected.
     */
    public function checkRest(Crowd $crowd): self
    {
        foreach (array_diff($crowd->truth(), $this->present()) as $subject) {
            $this->faults[self::MISSING][] = "{$subject}: the last arrival";
        }

        foreach (array_diff($this->present(), $crowd->truth()) as $subject) {
            $this->faults[self::MISSING][] = "{$subject}: the last departure";
        }

        return $this;
    }

    /**
     * Get the state after the last edges, in the form of {@see Crowd::truth()}.
     *
     * @return list<string>
     */
    public function present(): array
    {
        $present = [];

        foreach (array_keys($this->arrived) as $channel) {
            $last = array_column($this->edgesOf($channel), 2, 1);
            array_push($present, ...array_keys(array_filter($last)));
        }

        sort($present);

        return $present;
    }

    /**
     * Get the number of the last action of each killed node that arrived. Departures of its clients do not count, because
     * another node sends them too.
     *
     * @return array<int, int>
     */
    private function lastActions(Crowd $crowd): array
    {
        $last = array_map(fn (bool $killed) => $killed ? -1 : PHP_INT_MAX, $crowd->ended);

        foreach ($crowd->sequences as $name => ['node' => $node, 'events' => $events]) {
            $arrived = $this->arrivedOf($crowd, $name);

            foreach (isset($last[$node]) ? $events : [] as $n => [$action, $event]) {
                if ($event !== ($arrived[$n] ?? null)) {
                    break;
                }

                $last[$node] = preg_match('/^(member_removed|channel_vacated)/', $event) ? $last[$node] : max($last[$node], $action);
            }
        }

        return $last;
    }

    /**
     * Get the events of a sequence that arrived: of a whole channel, or the client events of one node on a shared channel.
     *
     * @return list<string>
     */
    private function arrivedOf(Crowd $crowd, string $name): array
    {
        ['channel' => $channel, 'node' => $node] = $crowd->sequences[$name];
        $arrived = $this->arrived[$channel] ?? [];

        return $name === $channel ? $arrived : array_values(preg_grep("/ client-{$node}-/", $arrived));
    }

    /**
     * @param  list<string>  $expected
     * @param  list<string>  $arrived
     */
    private function compare(string $name, array $expected, array $arrived): void
    {
        [$wanted, $got] = [array_count_values($expected), array_count_values($arrived)];
        $isComplete = true;

        foreach ($wanted + $got as $event => $_) {
            $surplus = ($got[$event] ?? 0) - ($wanted[$event] ?? 0);

            if ($surplus !== 0) {
                $isComplete = false;
                $kind = $surplus > 0 ? self::DUPLICATE : self::MISSING;
                array_push($this->faults[$kind], ...array_fill(0, abs($surplus), "{$name}: {$event}"));
            }
        }

        if ($isComplete && $expected !== $arrived) {
            $this->faults[self::OUT_OF_ORDER][] = $name;
        }
    }

    /**
     * Get the edges of a channel: the event, its subject (`channel` or `channel user`), and true for an arrival.
     *
     * @return list<array{string, string, bool}>
     */
    private function edgesOf(string $channel): array
    {
        $edges = [];

        foreach (preg_grep('/^client_event/', $this->arrived[$channel], PREG_GREP_INVERT) as $event) {
            [$name, $user] = [...explode(' ', $event), ''];
            $edges[] = [$event, rtrim("{$channel} {$user}"), in_array($name, ['channel_occupied', 'member_added'], true)];
        }

        return $edges;
    }

    /**
     * Determine if both signatures, Pusher's and that of Standard Webhooks, match the body.
     *
     * @param  array<string, string>  $headers
     */
    private static function isSigned(array $headers, string $body, string $secret): bool
    {
        $standard = hash_hmac('sha256', "{$headers['webhook-id']}.{$headers['webhook-timestamp']}.{$body}", $secret, binary: true);

        return $headers['x-pusher-signature'] === hash_hmac('sha256', $body, $secret)
            && in_array('v1,'.base64_encode($standard), explode(' ', $headers['webhook-signature']), true);
    }
}
