<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Contracts;

use Webpatser\Resonate\Application;

/**
 * The connection of a client. Plugins can store values in it.
 */
abstract class Connection
{
    public const CONTROL_PING = 'ping';

    /**
     * @var array<string, mixed>
     */
    protected array $pluginState = [];

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

    abstract public function control(string $type = self::CONTROL_PING): void;

    abstract public function terminate(): void;

    public function app(): Application
    {
        return $this->application;
    }

    public function disconnect(): void
    {
        $this->terminate();
    }

    public function setState(string $key, mixed $value): Connection
    {
        $this->pluginState[$key] = $value;

        return $this;
    }

    public function state(?string $key = null, mixed $default = null): mixed
    {
        return $key === null ? $this->pluginState : $this->pluginState[$key] ?? $default;
    }

    public function forgetState(string $key): Connection
    {
        unset($this->pluginState[$key]);

        return $this;
    }
}
