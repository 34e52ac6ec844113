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
 * The roster as a witness of who is alive.
 */
#[Large]
final class RosterTest extends PluginTestCase
{
    public function test_a_process_that_has_the_roster_only_is_named_in_laravels_log(): void
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
     * Before its release 0.3 the roster's keys did not name the application.
     */
    #[TestWith(['presence-room'])]
    #[TestWith(['1:presence-room'])]
    public function test_a_process_that_lives_on_in_the_roster_is_dead_one_lease_later_than_others(string $key): void
    {
        $prefix = 'roster-'.bin2hex(random_bytes(4));
        $config = ['ttl' => 3, 'roster' => ['key_prefix' => $prefix, 'ttl' => 90]];
        [$silent, $there] = [$this->node($config), $this->node($config)];

        $silent->connect('ann');
        $silent->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');

        $process = preg_replace('/\.\w+$/', '', $this->holderOf('presence-room'));

        // Its engine is gone; that its loop goes on, only its roster could tell.
        $this->killNode($silent);
        $killed = hrtime(true);
        Wait::until(function () use ($prefix, $key, $process) {
            $this->refresh("{$prefix}:{$key}:{$process}");

            return in_array('channel_vacated presence-room', $this->events(), true);
        }, 'the end of its second lease', 30.0);

        // It last renewed its first one a second before, at most.
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
     * Do what the roster does on its heartbeat.
     */
    private function refresh(string $key): void
    {
        RedisServer::shared()->command('HSET', $key, '1.1', '7');
        RedisServer::shared()->command('EXPIRE', $key, '90');
    }

    /**
     * The node that alone serves a channel.
     */
    private function holderOf(string $channel): string
    {
        [$holders] = RedisServer::shared()->command('HGET', $this->config()['key_prefix'].':channels:1', $channel);

        return trim($holders, '|');
    }
}
