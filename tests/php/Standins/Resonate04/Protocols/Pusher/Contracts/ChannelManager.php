<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Contracts;

use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

interface ChannelManager
{
    public function for(Application $application): ChannelManager;

    /**
     * @return array<string, Channel>
     */
    public function all(): array;

    public function find(string $channel): ?Channel;

    public function findOrCreate(string $channel): Channel;

    public function incrementConnectionCount(): void;

    public function unsubscribeFromAll(Connection $connection): void;

    public function remove(Channel $channel): void;
}
