<?php

declare(strict_types=1);

/*
 * A Resonate node of a chaos run: the extension, the plugin and Laravel under PHP, with clients by script.
 *
 * It reads one order per line from stdin, in the format of tests/chaos/order.rs, and prints what the
 * engine without PHP prints in tests/chaos/node.rs: `decided N`, `log ...`, and `left N` at its end.
 */

use Illuminate\Log\Events\MessageLogged;
use Revolt\EventLoop;
use Tests\Chaos\WatchedPlugin;
use Tests\Support\FakeClient;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\WebhookPlugin;

require dirname(__DIR__, 2).'/php/bootstrap.php';
require __DIR__.'/CountingReconciler.php';
require __DIR__.'/WatchedNode.php';
require __DIR__.'/WatchedPlugin.php';

const APPS = ['alpha', 'beta'];

// A successor signs with its own configuration, so key and secret equal those of the nodes without PHP.
$apps = array_map(fn (string $id) => ['key' => $id, 'secret' => 'secret'] + TestApplication::app($id), APPS);
$application = new TestApplication(json_decode($argv[1], true, flags: JSON_THROW_ON_ERROR), $apps);
$application->laravel->singleton(WebhookPlugin::class, WatchedPlugin::class);
$application->laravel['events']->listen(MessageLogged::class, static function (MessageLogged $logged): void {
    echo "log {$logged->level} {$logged->message}\n";
});

$server = new FakeServer($application->laravel);
$plugin = $application->laravel->make(WebhookPlugin::class);
$orders = 0;

// Runs after the plugin's own shutdown function, which was registered first.
register_shutdown_function(static function () use ($application, $plugin): void {
    echo "left {$plugin->left()}\n";

    $application->remove();
});

/** @var array<string, FakeClient> $clients */
$clients = [];

$carryOut = static function (string $order) use ($server, &$clients): bool {
    [$do, $app, $channel, $socket, $user, $text] = [...explode(' ', $order), null, null, null, null, null];

    match ($do) {
        'sub' => ($clients[$socket] ??= $server->connect($app))->subscribe($channel, $user === '-' ? null : ['user_id' => (int) $user]),
        'unsub' => $clients[$socket]->unsubscribe($channel),
        'whisper' => $clients[$socket]->whisper($channel, 'client-chaos', json_decode($text, true)),
        'close' => $clients[$channel]->close(),
        'end' => EventLoop::getDriver()->stop(),
    };

    if ($do === 'close') {
        unset($clients[$channel]);
    }

    return $do !== 'end';
};

stream_set_blocking(STDIN, false);

EventLoop::onReadable(STDIN, static function (string $id) use ($carryOut, $plugin, &$orders): void {
    while (($line = fgets(STDIN)) !== false) {
        if (! $carryOut(rtrim($line, "\n"))) {
            EventLoop::cancel($id);

            return;
        }

        $plugin->recordOrder(++$orders);
    }

    // The input is closed: the run has ended.
    if (feof(STDIN)) {
        exit(1);
    }
});

EventLoop::repeat(0.002, static function () use ($plugin): void {
    if (($decided = $plugin->decided()) !== null) {
        echo "decided {$decided}\n";
    }
});

EventLoop::run();

$server->stop();
