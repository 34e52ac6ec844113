<?php

declare(strict_types=1);

namespace Tests\Support;

use Laravel\Reverb\Application;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Contracts\WebSocketConnection;
use Laravel\Reverb\Protocols\Pusher\Server;

/**
 * A connection to Reverb without a socket, which records the server's messages.
 */
final class ReverbConnection extends Connection
{
    private static int $count = 0;

    private readonly string $id;

    private bool $closed = false;

    /**
     * @var list<array<string, mixed>>
     */
    public array $received = [];

    public function __construct(private readonly Server $server, Application $application)
    {
        parent::__construct(new class implements WebSocketConnection
        {
            public function id(): int|string
            {
                return 0;
            }

            public function send(mixed $message): void
            {
                //
            }

            public function close(mixed $message = null): void
            {
                //
            }
        }, $application, null);

        $this->id = getmypid().'.'.++self::$count;
    }

    public function identifier(): string
    {
        return $this->id;
    }

    public function id(): string
    {
        return $this->id;
    }

    public function send(string $message): void
    {
        $this->received[] = json_decode($message, true, flags: JSON_THROW_ON_ERROR);
    }

    public function control(string $type = 'ping'): void
    {
        //
    }

    /**
     * Close the socket once. The server handles the close before this returns.
     */
    public function terminate(): void
    {
        if (! $this->closed) {
            $this->closed = true;
            $this->server->close($this);
        }
    }
}
