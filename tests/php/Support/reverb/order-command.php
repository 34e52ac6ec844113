<?php

declare(strict_types=1);

/*
 * Sends an event of the application's own from within the server.
 */

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\Facades\Artisan;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

return static function (Application $laravel): void {
    Artisan::command('send:order', fn () => Webhooks::send('order.paid', '1', 'private-orders', ['total' => 7]));
};
