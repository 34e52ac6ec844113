<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\FakeServer;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\ResonateRoster\RedisRosterPlugin;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The roster as a liveness check of nodes.
 */
#[Large]
final class RosterTest extends PluginTestCase
{
    public function test_a_process_with_the_roster_only_is_named_in_laravels_log(): void
    {
        $prefix = 'roster-'.bin2hex(random_bytes(4));
        $this->application = new TestApplication($this->config(['reconcile_interval' => 1.0]));

        config(['reverb.servers.reverb.plugins' => [RedisRosterPlugin::class, WebhookPlugin::class]]);
        config(['resonate-roster' => [
            'connection' => RedisServer::shared()->connection(), 'key_prefix' => $prefix, 'ttl' => 90, 'track' => 'all',
        ]]);
        $this->application->laravel->bind(RedisRosterPlugin::class, fn () => new class implements ServerPlugin
        {
            public function boot(PluginContext $context): void {}
        });
        $this->server = new FakeServer($this->application->laravel);

        Wait::until(function () use ($prefix) {
            $this->refresh("{$prefix}:presence-room:somewhere-4711");

            return preg_grep('/^WARNING: .*somewhere-4711 runs the roster but not the webhooks/', $this->application->log()) !== [];
        }, fn () => 'a name in '.json_encode($this->application->log()), 20.0);
    }

    /**
     * Before release 0.3, the roster's keys did not contain the application.
     */
    #[TestWith(['presence-room'])]
    #[TestWith(['1:presence-room'])]
    public function test_a_process_that_is_alive_in_the_roster_is_reaped_one_lease_later(string $key): void
    {
        $prefix = 'roster-'.bin2hex(random_bytes(4));
        $config = ['ttl' => 3, 'roster' => ['key_prefix' => $prefix, 'ttl' => 90]];
        [$silent, $there] = [$this->node($config), $this->node($config)];

        $silent->connect('ann');
        $silent->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');

        $process = preg_replace('/\.\w+$/', '', $this->holderOf('presence-room'));

        // Its engine has stopped. Only its roster shows that its event loop still runs.
        $this->killNode($silent);
        $killed = hrtime(true);
        Wait::until(function () use ($prefix, $key, $process) {
            $this->refresh("{$prefix}:{$key}:{$process}");

            return in_array('channel_vacated presence-room', $this->events(), true);
        }, 'the end of its second lease', 30.0);

        // Its last renewal was at most a second earlier.
        $this->assertGreaterThan(4.8, (hrtime(true) - $killed) / 1e9);
        $this->assertSame(
            [
                'channel_occupied presence-room', 'member_added presence-room 7',
                'member_removed presence-room 7', 'channel_vacated presence-room',
            ],
            $this->events(),
        );
        $this->assertCount(1, preg_grep("/^WARNING: .*{$process}\.\w+ does not renew its lease/", $there->stop()));
    }

    /**
     * Refresh the roster's keys, as its heartbeat does.
     */
    private function refresh(string $key): void
    {
        RedisServer::shared()->command('HSET', $key, '1.1', '7');
        RedisServer::shared()->command('EXPIRE', $key, '90');
    }

    /**
     * Get the node that serves a channel.
     */
    private function holderOf(string $channel): string
    {
        [$holders] = RedisServer::shared()->command('HGET', $this->config()['key_prefix'].':channels:1', $channel);

        return trim($holders, '|');
    }
}
