<?php

declare(strict_types=1);

/*
 * Measures the cost of a hook, with an empty Redis and with many foreign keys:
 *
 *     php -d extension=target/release/libresonate_webhooks.so benches/hook_cost.php [calls] [foreign keys]
 *
 * Each call goes through the server and its plugin manager, and each is an edge, because every presence
 * channel has one user. The event loop runs after every 100 calls, and each webhook is delivered.
 */

require __DIR__.'/harness.php';

use Tests\Support\FakeServer;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\Contracts\TickScheduler;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\ResonateRoster\RedisRosterPlugin;
use Webpatser\ResonateRoster\RosterServiceProvider;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * Measures the hooks of the plugin.
 */
final class TimedPlugin implements ConnectionLifecycle, MessageInterceptor, ServerPlugin, TickScheduler
{
    /**
     * The nanoseconds of each call, by hook.
     *
     * @var array<string, list<int>>
     */
    public array $times = [];

    public function __construct(private WebhookPlugin $plugin) {}

    public function boot(PluginContext $context): void
    {
        $this->plugin->boot($context);
    }

    public function ticks(): array
    {
        return $this->plugin->ticks();
    }

    public function onOpen(Connection $connection): void
    {
        $this->plugin->onOpen($connection);
    }

    public function onClose(Connection $connection): void
    {
        $this->plugin->onClose($connection);
    }

    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        $begin = hrtime(true);
        $this->plugin->onSubscribe($connection, $channel);
        $this->times['onSubscribe'][] = hrtime(true) - $begin;
    }

    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        $begin = hrtime(true);
        $this->plugin->onUnsubscribe($connection, $channel);
        $this->times['onUnsubscribe'][] = hrtime(true) - $begin;
    }

    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        return $this->plugin->onMessage($from, $event);
    }
}

/**
 * Subscribe and unsubscribe the given number of times, with foreign keys in Redis.
 *
 * @return array{times: array<string, list<int>>, redis: float} The nanoseconds of each call by hook, and Redis' microseconds per event.
 */
function measure(int $calls, int $foreignKeys): array
{
    $redis = new RedisServer;

    for ($key = 0; $key < $foreignKeys; $key += 10_000) {
        $redis->command('EVAL', "for i = 1, 10000 do redis.call('SET', 'foreign:' .. ARGV[1] .. ':' .. i, 1) end return 1", '0', (string) $key);
    }

    $redis->command('CONFIG', 'RESETSTAT');

    $application = new TestApplication([
        'connection' => $redis->connection(),
        'endpoints' => [['url' => Receiver::shared()->url('/bench')]],
    ]);
    $plugins = [TimedPlugin::class];

    if (class_exists(RosterServiceProvider::class)) {
        config(['resonate-roster' => ['connection' => $redis->connection(), 'track' => 'all', 'ttl' => 90, 'heartbeat_interval' => 30, 'key_prefix' => 'roster']]);
        $application->laravel->register(RosterServiceProvider::class);
        array_unshift($plugins, RedisRosterPlugin::class);
    }

    config(['reverb.servers.reverb.plugins' => $plugins]);
    $application->laravel->singleton(TimedPlugin::class);

    $server = new FakeServer($application->laravel);
    $clients = array_map(fn () => $server->connect(), range(1, max(1, intdiv($calls, 100))));

    foreach (['join', 'unsubscribe'] as $action) {
        foreach ($clients as $user => $client) {
            for ($n = 0; $n < min($calls, 100); $n++) {
                $channel = "presence-bench-{$user}-{$n}";

                match ($action) {
                    'join' => $client->join($channel, $user),
                    'unsubscribe' => $client->unsubscribe($channel),
                };
            }

            $client->connection->received = [];
            Wait::pause(0.001);
        }
    }

    Wait::until(fn () => ! $redis->command('EXISTS', 'wh:channels:1')[0], 'the last edge to be decided', 120.0);

    preg_match('/cmdstat_evalsha:calls=\d+,usec=(\d+)/', $redis->command('INFO', 'commandstats')[0], $match);
    $times = $application->laravel->make(TimedPlugin::class)->times;

    $server->stop();
    $application->remove();

    return ['times' => $times, 'redis' => (int) ($match[1] ?? 0) / (4 * $calls)];
}

$calls = (int) ($argv[1] ?? 100_000);
$foreignKeys = (int) ($argv[2] ?? 1_000_000);

printf("%d calls of each hook; %s\n\n", $calls, machine());
printf("%-28s%26s    %d foreign keys\n", '', 'an empty Redis', $foreignKeys);
printf("%-28s%13s%13s%13s%13s\n", '', 'median', 'p99', 'median', 'p99');

$measured = [measure($calls, 0), measure($calls, $foreignKeys)];

foreach (['onSubscribe', 'onUnsubscribe'] as $hook) {
    printf('%-28s', "{$hook} (presence)");

    foreach ($measured as ['times' => $times]) {
        printf('%10.2f us%10.2f us', percentile($times[$hook], 0.5) / 1e3, percentile($times[$hook], 0.99) / 1e3);
    }

    echo "\n";
}

printf("%-28s%10.2f us%23.2f us\n", 'Redis, per event (mean)', ...array_column($measured, 'redis'));
