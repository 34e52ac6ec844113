<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Protocols\Pusher\EventHandler;

return static function (Application $laravel): void {
    $laravel->bind(EventHandler::class, fn () => $laravel->build(EventHandler::class));
};
