<?php

declare(strict_types=1);

namespace Tests\Soak;

use Closure;
use Random\Engine\Xoshiro256StarStar;
use Random\Randomizer;
use Tests\Support\FakeClient;

/**
 * Clients of one server that come, go and send client events at a rate of events.
 */
final class Clients
{
    private const int COUNT = 300;

    private const int CHANNELS = 100;

    /**
     * The most events of one turn, so that the server does more than to catch up.
     */
    private const int MOST = 200;

    private readonly Randomizer $random;

    private readonly float $begun;

    private int $events = 0;

    /**
     * The clients, each with its channel while it is on one.
     *
     * @var list<array{FakeClient, string|null}>
     */
    private array $clients;

    /**
     * @param  Closure(): FakeClient  $connect
     */
    public function __construct(private readonly Closure $connect, private readonly int $rate, int $seed)
    {
        $this->random = new Randomizer(new Xoshiro256StarStar($seed));
        $this->begun = microtime(true);
        $this->clients = array_map(fn () => [$connect(), null], range(1, self::COUNT));
    }

    /**
     * Do what is due.
     */
    public function turn(): void
    {
        $due = (int) ((microtime(true) - $this->begun) * $this->rate) - $this->events;
        $this->events += $due;

        for ($n = min($due, self::MOST); $n > 0; $n--) {
            $this->act($this->random->getInt(0, self::COUNT - 1));
        }
    }

    /**
     * Join, or send a client event, or leave, or be replaced by a new client. Most of it makes one event.
     */
    private function act(int $number): void
    {
        [$client, $channel] = $this->clients[$number];
        $client->connection->received = [];
        $chance = $this->random->getInt(1, 100);

        if ($channel === null) {
            $channel = 'presence-soak-'.$this->random->getInt(1, self::CHANNELS);
            $client->join($channel, $number);
        } elseif ($chance > 15) {
            $client->whisper($channel, 'client-moved', ['x' => $chance, 'y' => $number]);
        } elseif ($chance > 3) {
            $client->unsubscribe($channel);
            $channel = null;
        } else {
            $client->close();
            [$client, $channel] = [($this->connect)(), null];
        }

        $this->clients[$number] = [$client, $channel];
    }
}
