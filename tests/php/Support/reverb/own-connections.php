<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;

return static function (Application $laravel): void {
    // Reverb 1.8 binds its own manager even if the application has bound one.
    $laravel->extend(ChannelConnectionManager::class, fn () => new class extends ArrayChannelConnectionManager
    {
        //
    });
};
