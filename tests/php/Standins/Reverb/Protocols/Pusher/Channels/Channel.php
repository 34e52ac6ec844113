<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;

/**
 * A public channel, with its own manager of connections.
 */
class Channel
{
    protected ChannelConnectionManager $connections;

    public function __construct(protected string $name)
    {
        $this->connections = app(ChannelConnectionManager::class)->for($name);
    }

    public function name(): string
    {
        return $this->name;
    }

    /**
     * @return array<string, ChannelConnection>
     */
    public function connections(): array
    {
        return $this->connections->all();
    }

    /**
     * @return array<string, mixed>
     */
    public function data(): array
    {
        return [];
    }

    public function find(Connection $connection): ?ChannelConnection
    {
        return $this->connections->find($connection);
    }

    public function subscribe(Connection $connection, ?string $auth = null, ?string $data = null): void
    {
        $this->connections->add($connection, $data ? json_decode($data, true, flags: JSON_THROW_ON_ERROR) : []);
    }

    public function unsubscribe(Connection $connection): void
    {
        $this->connections->remove($connection);

        if ($this->connections->isEmpty()) {
            app(ChannelManager::class)->for($connection->app())->remove($this);
        }
    }

    /**
     * @param  array<string, mixed>  $payload
     */
    public function broadcast(array $payload, ?Connection $except = null): void
    {
        foreach ($this->connections() as $member) {
            if ($member->connection() !== $except) {
                $member->connection()->send((string) json_encode($payload));
            }
        }
    }
}
