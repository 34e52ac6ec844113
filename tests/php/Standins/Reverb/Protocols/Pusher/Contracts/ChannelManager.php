<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Contracts;

use Laravel\Reverb\Application;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\Channel;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;

interface ChannelManager
{
    public function app(): ?Application;

    public function for(Application $application): ChannelManager;

    /**
     * @return array<string, Channel>
     */
    public function all(): array;

    public function find(string $channel): ?Channel;

    public function findOrCreate(string $channel): Channel;

    /**
     * @return array<string, ChannelConnection>
     */
    public function connections(?string $channel = null): array;

    public function unsubscribeFromAll(Connection $connection): void;

    public function remove(Channel $channel): void;
}
