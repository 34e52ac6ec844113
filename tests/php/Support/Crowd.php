<?php

declare(strict_types=1);

namespace Tests\Support;

use Random\Engine\Xoshiro256StarStar;
use Random\Randomizer;

/**
 * Clients on one node that come, whisper and go at random, and the events that must follow.
 *
 * The same seed makes the same crowd. Each user has several clients, so that
 * most of what they do is no edge.
 */
final class Crowd
{
    private const int CHANNELS = 12;

    private const int USERS = 10;

    private const int CLIENTS = 30;

    /**
     * What clients do in one turn, before the loop gets its own.
     */
    private const int ACTIONS = 10;

    private Randomizer $random;

    /**
     * @var array<int, FakeClient>
     */
    private array $clients = [];

    /**
     * Whose clients are on which channel: channel, client, user.
     *
     * @var array<string, array<int, string>>
     */
    private array $present = [];

    /**
     * The events of each channel, in their order.
     *
     * @var array<string, list<string>>
     */
    private array $expected = [];

    /**
     * Everything that clients have done.
     */
    public private(set) int $actions = 0;

    /**
     * Connect the clients.
     */
    public function __construct(private FakeServer $server, public readonly int $seed)
    {
        $this->random = new Randomizer(new Xoshiro256StarStar($seed));

        for ($client = 0; $client < self::CLIENTS; $client++) {
            $this->clients[$client] = $server->connect();
        }

        for ($n = 0; $n < self::CHANNELS; $n++) {
            $this->present["presence-crowd-{$n}"] = $this->expected["presence-crowd-{$n}"] = [];
        }
    }

    /**
     * A crowd by the seed in `CROWD_SEED`, or by a new one.
     */
    public static function on(FakeServer $server): self
    {
        return new self($server, (int) (getenv('CROWD_SEED') ?: random_int(1, PHP_INT_MAX)));
    }

    /**
     * Let the clients have some turns; the loop runs in between.
     */
    public function play(int $turns): void
    {
        for (; $turns > 0; $turns--) {
            for ($n = 0; $n < self::ACTIONS; $n++) {
                $this->act();
            }

            Wait::pause(0.01);
        }
    }

    /**
     * Let somebody whisper.
     *
     * @return array{0: string, 1: string} The channel, and the event in the form of {@see expected()}.
     */
    public function remark(): array
    {
        $channel = array_key_first(array_filter($this->present));

        $this->whisper(array_key_first($this->present[$channel]), $channel, "client-remark-{$this->actions}");

        return [$channel, end($this->expected[$channel])];
    }

    /**
     * Send a guest to every channel whose last word tells that all before it has arrived.
     */
    public function end(): void
    {
        $guest = $this->server->connect();

        foreach (array_keys($this->present) as $channel) {
            $this->clients[self::CLIENTS] = $guest;
            $this->join(self::CLIENTS, $channel, 'guest');
            $this->whisper(self::CLIENTS, $channel, 'client-end');
        }
    }

    /**
     * The events of each channel so far, in their order, as `name`, `name user` or `name user event`.
     *
     * @return array<string, list<string>>
     */
    public function expected(): array
    {
        return $this->expected;
    }

    /**
     * Which channels are occupied, and by whom: `channel` and `channel user`, sorted.
     *
     * @return list<string>
     */
    public function truth(): array
    {
        $truth = [];

        foreach (array_filter($this->present) as $channel => $users) {
            array_push($truth, $channel, ...array_map(fn (string $user) => "{$channel} {$user}", array_unique($users)));
        }

        sort($truth);

        return $truth;
    }

    private function act(): void
    {
        $client = $this->random->getInt(0, self::CLIENTS - 1);
        $channel = 'presence-crowd-'.$this->random->getInt(0, self::CHANNELS - 1);
        $dice = $this->random->getInt(1, 100);

        match (true) {
            $dice <= 3 => $this->reconnect($client),
            ! isset($this->present[$channel][$client]) => $this->join($client, $channel, (string) ($client % self::USERS)),
            $dice <= 40 => $this->leave($client, $channel),
            default => $this->whisper($client, $channel, "client-{$this->actions}"),
        };

        $this->actions++;
    }

    private function join(int $client, string $channel, string $user): void
    {
        // Laravel's user ids are numbers.
        $this->clients[$client]->join($channel, is_numeric($user) ? (int) $user : $user);

        if ($this->present[$channel] === []) {
            $this->expected[$channel][] = 'channel_occupied';
        }

        if (! in_array($user, $this->present[$channel], true)) {
            $this->expected[$channel][] = "member_added {$user}";
        }

        $this->present[$channel][$client] = $user;
    }

    private function leave(int $client, string $channel): void
    {
        $this->clients[$client]->unsubscribe($channel);
        $this->gone($client, $channel);
    }

    private function reconnect(int $client): void
    {
        $this->clients[$client]->close();
        $this->clients[$client] = $this->server->connect();

        foreach ($this->present as $channel => $clients) {
            if (isset($clients[$client])) {
                $this->gone($client, $channel);
            }
        }
    }

    private function gone(int $client, string $channel): void
    {
        $user = $this->present[$channel][$client];

        unset($this->present[$channel][$client]);

        if (! in_array($user, $this->present[$channel], true)) {
            $this->expected[$channel][] = "member_removed {$user}";
        }

        if ($this->present[$channel] === []) {
            $this->expected[$channel][] = 'channel_vacated';
        }
    }

    private function whisper(int $client, string $channel, string $event): void
    {
        $this->clients[$client]->whisper($channel, $event);
        $this->expected[$channel][] = "client_event {$this->present[$channel][$client]} {$event}";
    }
}
