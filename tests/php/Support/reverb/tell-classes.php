<?php

declare(strict_types=1);

/*
 * Writes the classes that Reverb has used, at the end.
 */

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Server;

return static function (Application $laravel): void {
    $classes = [];

    $laravel->afterResolving(Server::class, function (Server $server) use ($laravel, &$classes): void {
        $classes = [$server::class, $laravel->make(ChannelConnectionManager::class)::class];
    });

    register_shutdown_function(function () use (&$classes): void {
        foreach ($classes as $class) {
            echo "class {$class}\n";
        }
    });
};
