<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Illuminate\Support\Arr;
use Random\Engine\Xoshiro256StarStar;
use Random\Randomizer;

/**
 * Random clients on one or more nodes, and the events that must follow from what they do.
 *
 * A seed reproduces the actions. Each user has several clients, so that most actions cause no edge. With several nodes, some
 * channels are shared by all of them. The edges of those depend on which node was faster, so only the client events are
 * expected in a fixed order, those of each node for itself.
 */
final class Crowd
{
    private const int CHANNELS = 12;

    private const int USERS = 10;

    private const int CLIENTS = 30;

    /**
     * The actions of one turn, before the event loop gets its own.
     */
    private const int ACTIONS = 10;

    private readonly Randomizer $random;

    /**
     * @var array<int, Client>
     */
    private array $clients = [];

    /**
     * The node of each channel that is not shared.
     *
     * @var array<string, int|null>
     */
    private array $owners = [];

    /**
     * The users by channel and client; null on a channel without members.
     *
     * @var array<string, array<int, string|null>>
     */
    private array $present = [];

    /**
     * Sequences of events in the form `name`, `name user` or `name user event`, each with the number of the action behind it.
     *
     * @var array<string, array{channel: string, node: int, events: list<array{int, string}>}>
     */
    public private(set) array $sequences = [];

    /**
     * The nodes that have ended, and whether they were killed.
     *
     * @var array<int, bool>
     */
    public private(set) array $ended = [];

    public private(set) int $actions = 0;

    /**
     * Connect the clients.
     *
     * @param  non-empty-list<Closure(): Client>  $nodes  Each connects a client to its node.
     */
    public function __construct(private readonly array $nodes, public readonly int $seed)
    {
        $this->random = new Randomizer(new Xoshiro256StarStar($seed));

        for ($client = 0; $client < self::CLIENTS; $client++) {
            $this->clients[$client] = $this->connect($client);
        }

        for ($n = 0; $n < self::CHANNELS; $n++) {
            $channel = ($n % 4 === 3 ? 'private' : 'presence')."-crowd-{$n}";
            $owner = $n % (count($nodes) + 1);
            $this->owners[$channel] = count($nodes) === 1 ? 0 : (isset($nodes[$owner]) ? $owner : null);
            $this->present[$channel] = [];

            foreach (array_keys($nodes) as $node) {
                if ($node === ($this->owners[$channel] ?? $node)) {
                    $this->sequences[$this->sequence($node, $channel)] = ['channel' => $channel, 'node' => $node, 'events' => []];
                }
            }
        }
    }

    /**
     * Create a crowd on one server, with the seed in `CROWD_SEED` or a new one.
     */
    public static function on(FakeServer $server): self
    {
        return new self([$server->connect(...)], (int) (getenv('CROWD_SEED') ?: random_int(1, PHP_INT_MAX)));
    }

    /**
     * Run some turns of the clients. The event loop runs between them.
     */
    public function play(int $turns, float $pause = 0.01): void
    {
        for (; $turns > 0; $turns--) {
            for ($n = 0; $n < self::ACTIONS; $n++) {
                $this->act();
            }

            Wait::pause($pause);
        }
    }

    /**
     * Send a client event from a client that is on a channel.
     *
     * @return array{0: string, 1: string} The channel, and the event in the form of {@see expected()}.
     */
    public function remark(): array
    {
        $channel = array_key_first(array_filter($this->present));

        $this->whisper(array_key_first($this->present[$channel]), $channel, "remark-{$this->actions}");

        return [$channel, Arr::last($this->expected()[$channel])];
    }

    /**
     * Send a guest to every channel whose last client event tells that all before it has arrived.
     */
    public function end(): void
    {
        $this->clients[self::CLIENTS] = $this->connect(self::CLIENTS);

        foreach (array_keys($this->present) as $channel) {
            $this->join(self::CLIENTS, $channel, 'guest');
            $this->whisper(self::CLIENTS, $channel, 'end');
        }
    }

    /**
     * Record that a node has ended with its clients. A killed one may not have sent its last claims.
     */
    public function nodeEnded(int $node, bool $killed): void
    {
        $this->ended[$node] = $killed;
        $remains = fn (int $client): bool => $this->nodeOf($client) !== $node;
        $this->clients = array_filter($this->clients, $remains, ARRAY_FILTER_USE_KEY);
        $this->present = array_map(fn (array $clients) => array_filter($clients, $remains, ARRAY_FILTER_USE_KEY), $this->present);
    }

    /**
     * Get the events of each sequence so far, in order. On one node, the sequences are the channels.
     *
     * @return array<string, list<string>>
     */
    public function expected(): array
    {
        return array_map(fn (array $sequence) => array_column($sequence['events'], 1), $this->sequences);
    }

    /**
     * Get the occupied channels and their members: `channel` and `channel user`, sorted.
     *
     * @return list<string>
     */
    public function truth(): array
    {
        $truth = [];

        foreach (array_filter($this->present) as $channel => $users) {
            $members = array_unique(array_filter($users, is_string(...)));
            array_push($truth, $channel, ...array_map(fn (string $user) => "{$channel} {$user}", $members));
        }

        sort($truth);

        return $truth;
    }

    /**
     * Return true if the edges of a channel have one possible order: one node serves all its clients, and still runs.
     */
    public function isCertain(string $channel): bool
    {
        $owner = $this->owners[$channel] ?? null;

        return $owner !== null && ! isset($this->ended[$owner]);
    }

    private function act(): void
    {
        $client = $this->oneOf(array_keys($this->clients));
        $channel = $this->oneOf(array_keys(array_filter(
            $this->owners, fn (?int $owner) => $owner === null || $owner === $this->nodeOf($client),
        )));
        $dice = $this->random->getInt(1, 100);

        match (true) {
            $dice <= 3 => $this->reconnect($client),
            ! array_key_exists($client, $this->present[$channel]) => $this->join($client, $channel, (string) (intdiv($client, count($this->nodes)) % self::USERS)),
            $dice <= 40 => $this->leave($client, $channel),
            default => $this->whisper($client, $channel, (string) $this->actions),
        };

        $this->actions++;
    }

    private function join(int $client, string $channel, string $user): void
    {
        $user = str_starts_with($channel, 'presence-') ? $user : null;
        $present = $this->present[$channel];
        $this->present[$channel][$client] = $user;

        // Laravel's user ids are numbers.
        $this->clients[$client]->subscribe($channel, $user === null ? null : [
            'user_id' => is_numeric($user) ? (int) $user : $user, 'user_info' => ['name' => "User {$user}"],
        ]);

        if ($present === []) {
            $this->expect($client, $channel, 'channel_occupied');
        }

        if ($user !== null && ! in_array($user, $present, true)) {
            $this->expect($client, $channel, "member_added {$user}");
        }
    }

    private function leave(int $client, string $channel): void
    {
        $this->clients[$client]->unsubscribe($channel);
        $this->gone($client, $channel);
    }

    private function reconnect(int $client): void
    {
        $this->clients[$client]->close();
        $this->clients[$client] = $this->connect($client);

        foreach ($this->present as $channel => $clients) {
            if (array_key_exists($client, $clients)) {
                $this->gone($client, $channel);
            }
        }
    }

    private function gone(int $client, string $channel): void
    {
        $user = $this->present[$channel][$client];

        unset($this->present[$channel][$client]);

        if ($user !== null && ! in_array($user, $this->present[$channel], true)) {
            $this->expect($client, $channel, "member_removed {$user}");
        }

        if ($this->present[$channel] === []) {
            $this->expect($client, $channel, 'channel_vacated');
        }
    }

    private function whisper(int $client, string $channel, string $word): void
    {
        $event = "client-{$this->nodeOf($client)}-{$word}";
        $this->clients[$client]->whisper($channel, $event);
        $this->expect($client, $channel, implode(' ', array_filter(['client_event', $this->present[$channel][$client], $event], is_string(...))));
    }

    private function expect(int $client, string $channel, string $event): void
    {
        if ($this->owners[$channel] !== null || str_starts_with($event, 'client_event')) {
            $this->sequences[$this->sequence($this->nodeOf($client), $channel)]['events'][] = [$this->actions, $event];
        }
    }

    private function sequence(int $node, string $channel): string
    {
        return $this->owners[$channel] === null ? "{$channel} from node {$node}" : $channel;
    }

    private function connect(int $client): Client
    {
        return $this->nodes[$this->nodeOf($client)]();
    }

    private function nodeOf(int $client): int
    {
        return $client % count($this->nodes);
    }

    /**
     * @template T
     *
     * @param  non-empty-list<T>  $all
     * @return T
     */
    private function oneOf(array $all): mixed
    {
        return $all[$this->random->getInt(0, count($all) - 1)];
    }
}
