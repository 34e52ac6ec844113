<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;

return static function (Application $laravel): void {
    $laravel->bind(ChannelConnectionManager::class, fn () => new class extends ArrayChannelConnectionManager
    {
        //
    });
};
