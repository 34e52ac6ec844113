<?php

declare(strict_types=1);

/*
 * Sends a custom event from within the server.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Facades\Artisan;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

return static function (Application $laravel): void {
    Artisan::command('send:order', fn () => Webhooks::send('order.paid', '1', 'private-orders', ['total' => 7]));
};
