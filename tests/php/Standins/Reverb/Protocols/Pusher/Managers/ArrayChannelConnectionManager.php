<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Managers;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;

/**
 * The connections of one channel.
 */
class ArrayChannelConnectionManager implements ChannelConnectionManager
{
    protected string $name;

    /**
     * @var array<string, ChannelConnection>
     */
    protected $connections = [];

    public function for(string $name): ChannelConnectionManager
    {
        $this->name = $name;

        return $this;
    }

    public function add(Connection $connection, array $data): void
    {
        $this->connections[$connection->id()] = new ChannelConnection($connection, $data);
    }

    public function remove(Connection $connection): void
    {
        unset($this->connections[$connection->id()]);
    }

    public function find(Connection $connection): ?ChannelConnection
    {
        return $this->findById($connection->id());
    }

    public function findById(string $id): ?ChannelConnection
    {
        return $this->connections[$id] ?? null;
    }

    public function all(): array
    {
        return $this->connections;
    }

    public function isEmpty(): bool
    {
        return $this->connections === [];
    }

    public function flush(): void
    {
        $this->connections = [];
    }
}
