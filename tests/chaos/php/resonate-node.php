<?php

declare(strict_types=1);

/*
 * A Resonate node of a chaos run: the extension, the plugin and Laravel under PHP, with clients by script.
 */

use Revolt\EventLoop;
use Tests\Chaos\Orders;
use Tests\Chaos\OrderWatch;
use Tests\Chaos\WatchedPlugin;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\WebhookPlugin;

require __DIR__.'/bootstrap.php';

$application = new TestApplication($webhooks, applications());
$application->laravel->singleton(WebhookPlugin::class, WatchedPlugin::class);
printLog($application->laravel);

$server = new FakeServer($application->laravel);
$watch = new OrderWatch($application->laravel->make(WebhookPlugin::class)->watched());
$orders = new Orders($watch, $server->connect(...));

// Runs after the plugin's own shutdown function, which was registered first.
register_shutdown_function(static function () use ($application, $watch): void {
    $watch->printLeft();
    $application->remove();
});

EventLoop::onReadable(STDIN, static function (string $id) use ($orders): void {
    if (! $orders->carryOut()) {
        EventLoop::cancel($id);
        EventLoop::getDriver()->stop();
    }
});
EventLoop::repeat(0.002, $watch->printDecided(...));
EventLoop::run();

$server->stop();
