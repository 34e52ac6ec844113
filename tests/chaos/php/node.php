<?php

declare(strict_types=1);

/*
 * A Resonate node of a chaos run: the extension, the plugin and Laravel under PHP, with clients by script.
 *
 * It hears one order per line on stdin, as tests/chaos/order.rs writes them, and says what the engine
 * without PHP says in tests/chaos/node.rs: `judged N`, `log ...`, and `left N` at its end.
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

// Heirs sign with what they have, so key and secret are those of the nodes without PHP.
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

$obey = static function (string $order) use ($server, &$clients): bool {
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

EventLoop::onReadable(STDIN, static function (string $id) use ($obey, $plugin, &$orders): void {
    while (($line = fgets(STDIN)) !== false) {
        if (! $obey(rtrim($line, "\n"))) {
            EventLoop::cancel($id);

            return;
        }

        $plugin->noted(++$orders);
    }

    // Nobody gives orders any more: the run is over.
    if (feof(STDIN)) {
        exit(1);
    }
});

EventLoop::repeat(0.002, static function () use ($plugin): void {
    if (($judged = $plugin->judged()) !== null) {
        echo "judged {$judged}\n";
    }
});

EventLoop::run();

$server->stop();
