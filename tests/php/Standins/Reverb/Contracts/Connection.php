<?php

declare(strict_types=1);

namespace Laravel\Reverb\Contracts;

use Laravel\Reverb\Application;

/**
 * The connection of a client.
 */
abstract class Connection
{
    public function __construct(
        protected WebSocketConnection $connection,
        protected Application $application,
        protected ?string $origin,
    ) {
        //
    }

    abstract public function identifier(): string;

    abstract public function id(): string;

    abstract public function send(string $message): void;

    abstract public function control(string $type = 'ping'): void;

    abstract public function terminate(): void;

    public function app(): Application
    {
        return $this->application;
    }

    public function disconnect(): void
    {
        $this->terminate();
    }
}
