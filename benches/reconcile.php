<?php

declare(strict_types=1);

/*
 * Measures how long each slice of a reconcile sweep blocks the event loop:
 *
 *     php -d extension=target/release/libresonate_webhooks.so benches/reconcile.php [sockets]
 *
 * Each sweep runs to its end, slice by slice. Between two slices, one connection opens and another one
 * closes, as on a live server. In the last row, the hooks have missed every tenth connection.
 */

require __DIR__.'/harness.php';

use Tests\Support\FakeConnection;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\AppRegistry;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\Reconciler;

const SWEEPS = 3;

$sockets = (int) ($argv[1] ?? 100_000);

/**
 * Subscribe the sockets to channels, and sweep over them. The hooks miss every $missedEvery-th socket.
 *
 * @param  Closure(int): string  $channelOf
 * @return array{0: list<float>, 1: list<float>} The milliseconds of each slice, and of slices in which PHP's garbage collector ran.
 */
function slices(RedisServer $redis, int $sockets, Closure $channelOf, int $missedEvery = 0): array
{
    $application = new TestApplication(['connection' => $redis->connection()]);
    $laravel = $application->laravel;
    $app = $laravel->make(ApplicationProvider::class)->findByKey('key-1');
    $manager = $laravel->make(ChannelManager::class);

    $engine = new Engine([
        'connection' => $redis->connection(), 'key_prefix' => bin2hex(random_bytes(4)),
        'endpoints' => [], 'shutdown_timeout' => 0.1,
    ]);
    $engine->boot();
    $host = new ResonateHost($laravel->make(PluginContext::class), $manager);
    $apps = new AppRegistry($engine, $host);
    $apps->register($app);
    $reconciler = new Reconciler($engine, $host, $apps);

    $join = function (int $n, bool $withHook) use ($manager, $app, $engine, $channelOf): FakeConnection {
        $name = $channelOf($n);
        $user = str_starts_with($name, 'presence-') ? (string) $n : null;
        $data = $user === null ? null : json_encode(['user_id' => $n, 'user_info' => ['name' => 'Somebody']]);
        $connection = new FakeConnection($app);
        $signed = implode(':', array_filter([$connection->id(), $name, $data]));
        $manager->for($app)->findOrCreate($name)
            ->subscribe($connection, $app->key().':'.hash_hmac('sha256', $signed, $app->secret()), $data);
        $withHook && $engine->subscribed('1', $name, $connection->id(), $user);

        return $connection;
    };

    $connections = [];

    for ($n = 0; $n < $sockets; $n++) {
        $connections[] = $join($n, $missedEvery === 0 || $n % $missedEvery > 0);
        $n % 1_000 === 0 && Wait::pause(0.002);
    }

    Wait::until(fn () => $engine->stats()['queued_intents'] === 0, 'the engine to handle the hooks');

    [$times, $collecting, $next] = [[], [], 0];

    for ($sweep = 0; $sweep < SWEEPS; $sweep++) {
        $reconciler->sweep();

        do {
            $runs = gc_status()['runs'];
            $begin = hrtime(true);
            $reconciler->advance();
            $time = (hrtime(true) - $begin) / 1e6;
            gc_status()['runs'] === $runs ? $times[] = $time : $collecting[] = $time;

            // Other work of the loop.
            $gone = $connections[$next];
            $manager->for($app)->find($channelOf($next))->unsubscribe($gone);
            $engine->closed('1', $gone->id());
            $connections[$next] = $join($next, true);
            $next = ($next + 7) % $sockets;
            Wait::pause(0.001);
        } while ($reconciler->isSweeping());
    }

    $application->remove();

    return [$times, $collecting];
}

$redis = new RedisServer;

printf("%d sockets, %d sweeps; %s\n\n", $sockets, SWEEPS, machine());
printf("%-44s%10s%12s%12s%12s%16s\n", 'a slice blocks the loop for', 'slices', 'median', 'p99', 'longest', 'with the GC');

foreach ([
    'all on one channel' => [fn () => 'news'],
    '100 on each presence channel' => [fn (int $n) => 'presence-room-'.intdiv($n, 100)],
    'each on a channel of its own' => [fn (int $n) => "room-{$n}"],
    'all on one channel, hooks missed a tenth' => [fn () => 'news', 10],
] as $name => $crowd) {
    [$times, $collecting] = slices($redis, $sockets, ...$crowd);

    printf(
        "%-44s%10d%9.2f ms%9.2f ms%9.2f ms%13.2f ms\n",
        $name, count($times), percentile($times, 0.5), percentile($times, 0.99), max($times), max([0, ...$collecting]),
    );
}
