<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Laravel\Reverb\Protocols\Pusher\Server;

return static function (Application $laravel): void {
    $laravel->bind(Server::class, fn () => $laravel->build(Server::class));
};
