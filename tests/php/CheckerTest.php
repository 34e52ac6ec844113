<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\Checker;
use Tests\Support\Client;
use Tests\Support\Crowd;

/**
 * The checker of the demo and of {@see EventLoopTest} finds manipulated events.
 */
final class CheckerTest extends TestCase
{
    private Crowd $crowd;

    /**
     * Get the channels and events of a crowd on two nodes, in the form of {@see Crowd::expected()}.
     *
     * @var list<array{string, string}>
     */
    private array $events = [];

    protected function setUp(): void
    {
        $client = new class implements Client
        {
            public function subscribe(string $channel, ?array $user = null): self
            {
                return $this;
            }

            public function unsubscribe(string $channel): self
            {
                return $this;
            }

            public function whisper(string $channel, string $event, mixed $data = null): self
            {
                return $this;
            }

            public function close(): void {}
        };

        $this->crowd = new Crowd([fn () => $client, fn () => $client], 1);
        $this->crowd->play(20, 0);

        // For a shared channel, the crowd expects the client events, and any edges that end at the final state.
        $shared = array_filter($this->crowd->truth(), fn (string $subject) => ! $this->crowd->isCertain(explode(' ', $subject)[0]));
        $this->events = self::edges($shared, 'channel_occupied', 'member_added');

        foreach ($this->crowd->sequences as ['channel' => $channel, 'events' => $events]) {
            array_push($this->events, ...array_map(fn (array $event) => [$channel, $event[1]], $events));
        }
    }

    public function test_it_accepts_the_expected_events_and_a_resend(): void
    {
        $requests = self::requests($this->events);
        $checker = new Checker([...$requests, $requests[3]])->check($this->crowd);

        $this->assertSame([], array_filter($checker->faults));
        $this->assertSame(1, $checker->repeats);
        $this->assertGreaterThan(100, count($requests));
    }

    public function test_it_finds_each_event_that_is_missing_or_a_duplicate(): void
    {
        foreach ($this->events as $n => $event) {
            $without = $twice = $this->events;
            unset($without[$n]);
            array_splice($twice, $n, 0, [$event]);

            $this->assertNotSame([], $this->faults($without), "without event {$n}");
            $this->assertNotSame([], $this->faults($twice), "event {$n} twice");
        }
    }

    public function test_it_counts_faults_by_kind(): void
    {
        $clientEvents = array_keys(preg_grep('/^client_event/', array_column($this->events, 1)));
        $without = $swapped = $this->events;
        unset($without[$clientEvents[0]]);
        [$swapped[$clientEvents[0]], $swapped[$clientEvents[1]]] = [$swapped[$clientEvents[1]], $swapped[$clientEvents[0]]];

        $this->assertSame(['missing' => 1], $this->faults($without));
        $this->assertSame(['duplicate' => 1], $this->faults([...$this->events, $this->events[$clientEvents[0]]]));
        $this->assertSame(['out of order' => 1], $this->faults($swapped));
    }

    public function test_it_finds_a_member_of_a_channel_that_is_not_occupied(): void
    {
        $events = $this->events;
        $this->assertSame('presence-crowd-2', $events[1][0]);
        [$events[0], $events[1]] = [$events[1], $events[0]];

        $this->assertSame(['out of order' => 1], $this->faults($events));
    }

    public function test_it_finds_a_changed_body_and_a_second_body_with_a_known_id(): void
    {
        $forged = $altered = self::requests($this->events);
        $forged[5]['body'] .= ' ';
        $altered[] = self::signed('webhook-5', '{"events":[]}');

        $this->assertCount(1, new Checker($forged)->faults[Checker::ALTERED]);
        $this->assertCount(1, new Checker($altered)->faults[Checker::ALTERED]);
    }

    public function test_a_node_that_is_killed_may_lose_its_last_actions_and_none_before_them(): void
    {
        $before = $this->crowd->truth();
        $this->crowd->nodeEnded(1, killed: true);
        $departures = self::edges(array_reverse(array_diff($before, $this->crowd->truth())), 'channel_vacated', 'member_removed');
        $clientEvents = preg_grep('/ client-1-/', array_column($this->events, 1));
        $numbers = array_map(fn (string $event) => (int) substr($event, strrpos($event, '-') + 1), $clientEvents);
        $last = $hole = $this->events;
        unset($last[array_search(max($numbers), $numbers, true)], $hole[array_search(min($numbers), $numbers, true)]);

        $this->assertSame([], $this->faults([...$this->events, ...$departures]));
        $this->assertSame([], $this->faults([...$last, ...$departures]));
        $this->assertSame(['missing' => 1], $this->faults([...$hole, ...$departures]));
        $this->assertSame(['missing' => count($departures)], $this->faults($this->events));
    }

    /**
     * @param  array<string>  $subjects  In the form of {@see Crowd::truth()}.
     * @return list<array{string, string}>
     */
    private static function edges(array $subjects, string $ofChannel, string $ofUser): array
    {
        return array_values(array_map(function (string $subject) use ($ofChannel, $ofUser): array {
            [$channel, $user] = [...explode(' ', $subject), null];

            return [$channel, $user === null ? $ofChannel : "{$ofUser} {$user}"];
        }, $subjects));
    }

    /**
     * @param  array<array{string, string}>  $events
     * @return array<string, int>
     */
    private function faults(array $events): array
    {
        return array_map(count(...), array_filter(new Checker(self::requests($events))->check($this->crowd)->faults));
    }

    /**
     * A request for each event.
     *
     * @param  array<array{string, string}>  $events
     * @return list<array{headers: array<string, string>, body: string, status: int}>
     */
    private static function requests(array $events): array
    {
        return array_map(function (array $event, int $n): array {
            [$channel, $words] = $event;
            preg_match('/^(?<name>\w+)(?: (?<user_id>\w+))?(?: (?<event>client-.+))?$/', $words, $match, PREG_UNMATCHED_AS_NULL);

            return self::signed("webhook-{$n}", json_encode(['events' => [
                array_filter(['channel' => $channel] + $match, fn (mixed $value, int|string $key) => is_string($key) && $value !== null, ARRAY_FILTER_USE_BOTH),
            ]], JSON_THROW_ON_ERROR));
        }, array_values($events), array_keys(array_values($events)));
    }

    /**
     * @return array{headers: array<string, string>, body: string, status: int}
     */
    private static function signed(string $id, string $body): array
    {
        return ['status' => 200, 'body' => $body, 'headers' => [
            'x-pusher-key' => 'key-1',
            'x-pusher-signature' => hash_hmac('sha256', $body, 'secret-1'),
            'webhook-id' => $id,
            'webhook-timestamp' => '1700000000',
            'webhook-signature' => 'v1,'.base64_encode(hash_hmac('sha256', "{$id}.1700000000.{$body}", 'secret-1', binary: true)),
        ]];
    }
}
