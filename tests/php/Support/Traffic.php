<?php

declare(strict_types=1);

namespace Tests\Support;

use Revolt\EventLoop;

/**
 * Clients of one node that subscribe, send client events and leave continuously, on the event loop.
 */
final class Traffic
{
    /**
     * The interval between turns, in seconds.
     */
    private const float EVERY = 0.004;

    private const int CLIENTS = 4;

    /**
     * The number of client events by channel.
     *
     * @var array<string, int>
     */
    public private(set) array $sent = [];

    /**
     * @var array<string, FakeClient>
     */
    private array $clients = [];

    private FakeClient $guest;

    private int $turns = 0;

    private readonly string $timer;

    /**
     * Connect the clients and start.
     */
    public function __construct(FakeServer $server)
    {
        foreach (range(1, self::CLIENTS) as $number) {
            $this->clients["presence-{$number}"] = $server->connect()->join("presence-{$number}", $number);
            $this->sent["presence-{$number}"] = 0;
        }

        $this->guest = $server->connect();
        $this->timer = EventLoop::repeat(self::EVERY, $this->turn(...));
    }

    /**
     * Disconnect the clients one by one, as while a server drains.
     */
    public function leaveSlowly(): void
    {
        EventLoop::repeat(0.1, function (string $id): void {
            if ($this->clients === []) {
                EventLoop::cancel($id);
            } else {
                array_shift($this->clients)->close();
            }
        });
    }

    /**
     * Stop the clients.
     */
    public function end(): void
    {
        EventLoop::cancel($this->timer);
        $this->clients = [];
    }

    private function turn(): void
    {
        foreach ($this->clients as $channel => $client) {
            $client->whisper($channel, 'client-count', ['n' => $this->sent[$channel]++]);
        }

        match ($this->turns++ % 10) {
            0 => $this->guest->join('presence-hall', 'guest'),
            5 => $this->guest->unsubscribe('presence-hall'),
            default => null,
        };
    }
}
