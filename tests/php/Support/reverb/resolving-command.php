<?php

declare(strict_types=1);

/*
 * A command that resolves Reverb's server, as a test or a dashboard may.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Facades\Artisan;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelManager;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;

return static function (Application $laravel): void {
    Artisan::command('resolve:server', function () use ($laravel): void {
        $laravel->singleton(ChannelManager::class, ArrayChannelManager::class);
        $laravel->bind(ChannelConnectionManager::class, ArrayChannelConnectionManager::class);
        Loop::get();

        $this->line($laravel->make(Server::class)::class);
    });
};
