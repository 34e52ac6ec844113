<?php

declare(strict_types=1);

namespace Tests\Support;

use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Contracts\WebSocketConnection;

/**
 * A connection without a socket, which records the server's messages.
 */
final class FakeConnection extends Connection
{
    private static int $count = 0;

    private readonly string $id;

    /**
     * @var list<array<string, mixed>>
     */
    public array $received = [];

    public function __construct(Application $application)
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

        // Unique in the cluster like a real ID, and short enough to read in a failed test.
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

    public function control(string $type = self::CONTROL_PING): void
    {
        //
    }

    public function terminate(): void
    {
        //
    }
}
