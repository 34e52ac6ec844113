<?php

declare(strict_types=1);

/*
 * The rows of `make bench` about the latency of the event loop, with and without the plugin:
 *
 *     php -d extension=... benches/lag.php on|off apart|together [seconds]
 *
 * Every millisecond the loop gets its share of 2 000 subscriptions and 10 000 client events per second:
 * it decodes the messages, finds the channels and calls the plugins through Resonate's plugin manager.
 * The server's validation and relaying are left out, because no loop reaches that rate with them. A timer
 * of 1 ms measures how late it fires.
 *
 * The loop has a processor of its own (apart), or shares all of them with Redis, the receiver and the
 * threads of the extension (together).
 */

require __DIR__.'/harness.php';

use Revolt\EventLoop;
use Tests\Support\FakeServer;
use Tests\Support\LoopWatch;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

const SUBSCRIPTIONS_PER_MS = 2;
const WHISPERS_PER_MS = 10;
const CLIENTS = 100;
const PRESENT = 1_000;

[$plugin, $apart, $seconds] = [($argv[1] ?? 'on') === 'on', ($argv[2] ?? 'apart') === 'apart', (float) ($argv[3] ?? 5)];

$redis = new RedisServer;
$application = new TestApplication([
    'connection' => $redis->connection(),
    'endpoints' => [['url' => receiver()]],
    'shutdown_timeout' => 0.1,
]);

if (! $plugin) {
    config(['reverb.servers.reverb.plugins' => []]);
}

$server = new FakeServer($application->laravel);
$plugins = $application->laravel->make(PluginManager::class);
$channels = $application->laravel->make(ChannelManager::class);
$connections = array_map(fn () => $server->connect()->connection, range(1, CLIENTS));
$app = $connections[0]->app();

/**
 * Subscribe a connection to a channel, as Resonate does before it calls the hook.
 */
$subscribe = static function (Connection $connection, string $name) use ($channels, $app): Channel {
    $channel = $channels->for($app)->findOrCreate($name);
    $channel->subscribe($connection, $app->key().':'.hash_hmac('sha256', "{$connection->id()}:{$name}", $app->secret()));

    return $channel;
};

foreach ($connections as $n => $connection) {
    $plugins->notifySubscribe($connection, $subscribe($connection, "private-room-{$n}"));
}

$whispers = array_map(fn (int $n) => (string) json_encode([
    'event' => 'client-typing', 'channel' => "private-room-{$n}", 'data' => ['name' => 'Somebody', 'at' => $n],
]), array_keys($connections));

[$begun, $handled, $visits] = [0, 0, 0];

/**
 * Handle all work that is due. Each visitor leaves after 1 000 others have come. Both are edges.
 */
$work = static function () use (&$begun, &$handled, &$visits, $connections, $whispers, $plugins, $channels, $subscribe, $app): void {
    $due = (int) ((hrtime(true) - $begun) / 1e6);

    for (; $handled < $due; $handled++) {
        for ($n = 0; $n < WHISPERS_PER_MS; $n++) {
            $client = ($handled * WHISPERS_PER_MS + $n) % CLIENTS;
            $plugins->interceptMessage($connections[$client], json_decode($whispers[$client], true));
            MessageReceived::dispatch($connections[$client], $whispers[$client]);
        }

        for ($n = 0; $n < SUBSCRIPTIONS_PER_MS; $n++, $visits++) {
            $visitor = $connections[$visits % CLIENTS];
            $plugins->notifySubscribe($visitor, $subscribe($visitor, "private-visit-{$visits}"));

            $past = $visits - PRESENT;
            $channel = $channels->for($app)->find("private-visit-{$past}");

            if ($channel !== null) {
                $channel->unsubscribe($connections[$past % CLIENTS]);
                $plugins->notifyUnsubscribe($connections[$past % CLIENTS], $channel);
            }
        }
    }
};

Wait::pause(0.5);
$apart && pinLoopToProcessor();
$begun = hrtime(true);
$timer = EventLoop::repeat(0.001, $work);
Wait::pause(0.5);
$watch = LoopWatch::during(fn () => Wait::pause($seconds));
EventLoop::cancel($timer);

$lags = array_map(fn (float $gap) => max(0.0, $gap - 0.001), $watch->gaps);
$rate = $handled / ((hrtime(true) - $begun) / 1e6);

printf("p50_ms\t%.4f\np99_ms\t%.4f\nrate\t%.3f\n", percentile($lags, 0.5) * 1e3, percentile($lags, 0.99) * 1e3, $rate);
