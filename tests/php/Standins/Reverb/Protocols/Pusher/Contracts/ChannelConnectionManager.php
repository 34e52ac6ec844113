<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Contracts;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;

interface ChannelConnectionManager
{
    public function for(string $name): ChannelConnectionManager;

    public function add(Connection $connection, array $data): void;

    public function remove(Connection $connection): void;

    public function find(Connection $connection): ?ChannelConnection;

    public function findById(string $id): ?ChannelConnection;

    /**
     * @return array<string, ChannelConnection>
     */
    public function all(): array;

    public function isEmpty(): bool;

    public function flush(): void;
}
