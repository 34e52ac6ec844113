<?php

declare(strict_types=1);

/*
 * A list of connections whose lookup fails, so that the hooks of subscriptions fail.
 */

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;

return static function (Application $laravel): void {
    $laravel->extend(ChannelConnectionManager::class, fn () => new class extends ArrayChannelConnectionManager
    {
        public function find(Connection $connection): ?ChannelConnection
        {
            throw new RuntimeException('the list is out of order');
        }
    });
};
