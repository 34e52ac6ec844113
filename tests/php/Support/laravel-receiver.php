<?php

declare(strict_types=1);

/*
 * The script of the `php -S` that a LaravelReceiver starts: a Laravel application that receives
 * webhooks beside its pages, and writes each event of its listeners as a line of JSON. Files in its
 * folder make the listeners fail or wait.
 */

use Illuminate\Foundation\Configuration\Middleware;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Route;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;

require dirname(__DIR__).'/bootstrap.php';

$folder = (string) getenv('RECEIVER_FOLDER');
$application = new TestApplication;
$laravel = $application->laravel;

register_shutdown_function(static fn () => $application->remove());

config([
    'cache.default' => 'file',
    'cache.stores.file' => ['driver' => 'file', 'path' => "{$folder}/cache"],
    'resonate-webhooks-receiving.lock_for' => (int) getenv('RECEIVER_LOCK_FOR'),
]);

foreach ((new Middleware)->getMiddlewareGroups() as $group => $middleware) {
    $laravel['router']->middlewareGroup($group, $middleware);
}

Route::middleware('web')->group(static function (): void {
    Route::resonateWebhooks('/webhooks');
    Route::post('/form', static fn () => response()->noContent());
});

Event::listen('Webpatser\ResonateWebhooks\Receiving\Events\*', static function (string $name, array $events) use ($folder): void {
    if (! $events[0] instanceof WebhookEvent) {
        return;
    }

    $isSet = static fn (string $behaviour): bool => file_exists("{$folder}/{$behaviour}");
    $record = static fn (string $result) => file_put_contents("{$folder}/log", json_encode([
        'result' => $result,
        'class' => class_basename($name),
        'webhook' => $events[0]->webhookId,
        'app' => $events[0]->appKey,
        'payload' => $events[0]->payload,
        'extension' => extension_loaded('resonate_webhooks'),
    ])."\n", FILE_APPEND | LOCK_EX);

    if ($isSet('fail')) {
        $record('failed');

        throw new RuntimeException('the listener fails');
    }

    if ($isSet('wait')) {
        $record('waits');

        for ($end = microtime(true) + 15; $isSet('wait') && microtime(true) < $end; clearstatcache()) {
            usleep(5_000);
        }
    }

    $record('handled');
});

$laravel->handleRequest(Request::capture());
