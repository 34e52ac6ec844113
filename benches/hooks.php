<?php

declare(strict_types=1);

/*
 * The rows of `make bench` about the cost of a hook. Redis is empty, stopped or full of foreign keys:
 *
 *     php -d extension=... benches/hooks.php empty|stopped|foreign [calls]
 *
 * The hooks of the real plugin are called with Resonate's own objects. The times contain only the plugin,
 * nothing of Resonate. Each subscription is an edge. The event loop runs after every 100 calls.
 */

require __DIR__.'/harness.php';

use Tests\Support\FailingRedis;
use Tests\Support\FakeServer;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\WebhookPlugin;

const CALLS_IN_A_ROW = 100;
const FOREIGN_KEYS = 1_000_000;
const CHANNELS_OF_A_CROWDED_CLOSE = 50;

$scenario = $argv[1] ?? 'empty';
$calls = (int) ($argv[2] ?? 100_000);

$redis = $scenario === 'stopped' ? new FailingRedis : new RedisServer;

$application = new TestApplication([
    'connection' => $redis->connection(5.0),
    'endpoints' => [['url' => receiver()]],
    // Events that still wait at the end do not matter.
    'shutdown_timeout' => 0.1,
]);
$laravel = $application->laravel;
$laravel->singleton(WebhookPlugin::class);

$server = new FakeServer($laravel);
$plugin = $laravel->make(WebhookPlugin::class);
$connections = array_map(fn () => $server->connect()->connection, range(1, max(1, intdiv($calls, CALLS_IN_A_ROW))));

// Lets the session with Redis begin.
Wait::pause(0.5);

if ($scenario === 'foreign') {
    for ($key = 0; $key < FOREIGN_KEYS; $key += 10_000) {
        $redis->command('EVAL', "for i = 1, 10000 do redis.call('SET', 'foreign:' .. ARGV[1] .. ':' .. i, 1) end return 1", '0', (string) $key);
    }
}

/**
 * Subscribe a connection to a channel, as Resonate does before it calls the hook.
 */
$channel = static function (string $name, $connection, int $user) use ($laravel): Channel {
    $channel = $laravel->make(ChannelManager::class)->for($connection->app())->findOrCreate($name);
    $data = str_starts_with($name, 'presence-') ? json_encode(['user_id' => $user, 'user_info' => ['name' => 'Somebody']]) : null;
    $signed = implode(':', array_filter([$connection->id(), $name, $data]));
    $channel->subscribe($connection, $connection->app()->key().':'.hash_hmac('sha256', $signed, $connection->app()->secret()), $data);

    return $channel;
};

/**
 * Run a call for each connection, the given number of times in a row, and print its figures.
 *
 * @param  callable(mixed, int): int  $call  Returns nanoseconds.
 */
$measure = static function (string $hook, callable $call, ?array $callers = null, int $inARow = CALLS_IN_A_ROW) use ($connections): void {
    $times = [];

    foreach ($callers ?? $connections as $user => $connection) {
        for ($n = 0; $n < $inARow; $n++) {
            $times[] = $call($connection, $user, $n);
        }

        Wait::pause(0.001);
    }

    printf("%s_p50_us\t%.3f\n%s_p99_us\t%.3f\n", $hook, percentile($times, 0.5) / 1e3, $hook, percentile($times, 0.99) / 1e3);
};

$channels = [];

foreach ($connections as $user => $connection) {
    for ($n = 0; $n < CALLS_IN_A_ROW; $n++) {
        $channels[$user][$n] = $channel("presence-bench-{$user}-{$n}", $connection, $user);
    }
}

$crowded = [];

for ($n = 0; $n < CHANNELS_OF_A_CROWDED_CLOSE; $n++) {
    $crowded[] = $channel("private-crowd-{$n}", $connections[0], 0);
}

if ($scenario === 'stopped') {
    $redis->hang();
}

$measure('subscribe', static function ($connection, int $user, int $n) use ($plugin, $channels): int {
    $begin = hrtime(true);
    $plugin->onSubscribe($connection, $channels[$user][$n]);

    return hrtime(true) - $begin;
});

[$heard] = $laravel->make('events')->getRawListeners()[MessageReceived::class];

$measure('whisper', static function ($connection, int $user, int $n) use ($plugin, $heard): int {
    $event = ['event' => 'client-typing', 'channel' => "presence-bench-{$user}-{$n}", 'data' => ['name' => 'Somebody', 'at' => $n]];
    $received = new MessageReceived($connection, json_encode($event));

    // Only the plugin's part. In a server, Resonate decodes and relays the message and dispatches the event in between.
    $begin = hrtime(true);
    $plugin->onMessage($connection, $event);
    $heard($received);

    return hrtime(true) - $begin;
});

$measure('unsubscribe', static function ($connection, int $user, int $n) use ($plugin, $channels): int {
    $begin = hrtime(true);
    $plugin->onUnsubscribe($connection, $channels[$user][$n]);

    return hrtime(true) - $begin;
});

$measure('close_1', static function ($connection, int $user, int $n) use ($plugin, $channels): int {
    $plugin->onSubscribe($connection, $channels[$user][$n]);

    $begin = hrtime(true);
    $plugin->onClose($connection);

    return hrtime(true) - $begin;
});

// The first connection stays on all channels. Otherwise each close would be 50 edges.
foreach ($crowded as $n => $crowd) {
    $plugin->onSubscribe($connections[0], $crowd);

    foreach ($connections as $connection) {
        $channel("private-crowd-{$n}", $connection, 0);
    }
}

$measure('close_50', static function ($connection) use ($plugin, $crowded): int {
    foreach ($crowded as $crowd) {
        $plugin->onSubscribe($connection, $crowd);
    }

    $begin = hrtime(true);
    $plugin->onClose($connection);

    return hrtime(true) - $begin;
}, array_slice($connections, 1), intdiv(CALLS_IN_A_ROW, 5));

if ($scenario === 'stopped') {
    $redis->kill();
}
