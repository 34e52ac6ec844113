<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use Tests\Support\Artisan;
use Tests\Support\RedisServer;
use Tests\Support\Sender;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Native\Cluster;

/**
 * The webhooks on a node of a Redis Cluster, which has all slots.
 */
#[Large]
final class RedisClusterTest extends PluginTestCase
{
    private ?Artisan $artisan = null;

    private RedisServer $redis;

    protected function setUp(): void
    {
        parent::setUp();

        $this->redis = RedisServer::inCluster();
    }

    protected function tearDown(): void
    {
        $this->artisan?->remove($this);

        parent::tearDown();
    }

    public function test_check_and_status_show_the_slot_of_a_single_shard_and_its_servers(): void
    {
        $artisan = $this->artisan($this->changes(1));
        [$code, $output] = $artisan->call('check', ['--json' => true]);
        $this->assertSame(0, $code, $output);

        $finding = array_column(json_decode($output, true, flags: JSON_THROW_ON_ERROR), null, 'subject')['Redis Cluster'];
        $slot = "slot {$this->slot()}, master 127.0.0.1:{$this->redis->port}, replicas: none";
        $this->assertSame(['warning', $slot], [$finding['level'], $finding['message']]);
        $this->assertStringContainsString('Add a replica', $finding['fix']);

        [, $output] = $artisan->call('check');
        $this->assertStringContainsString(ucfirst($slot), $output);
        [, $output] = $artisan->call('status');
        $this->assertStringContainsString($slot, $output);
    }

    public function test_check_and_status_show_how_many_shards_there_are_and_where(): void
    {
        $artisan = $this->artisan($this->changes());
        [$code, $output] = $artisan->call('check', ['--json' => true]);
        $this->assertSame(0, $code, $output);

        $findings = array_filter(json_decode($output, true, flags: JSON_THROW_ON_ERROR), fn (array $finding) => $finding['subject'] === 'Redis Cluster');
        $this->assertSame(['warning', 'warning'], array_column($findings, 'level'));
        [$coverage, $replicas] = array_values($findings);
        $this->assertSame('Set "cluster-require-full-coverage no" in the config of its servers.', $coverage['fix']);
        $this->assertSame('16 shards on 1 master', $replicas['message']);
        $this->assertStringContainsString('Add a replica to each master', $replicas['fix']);

        [, $output] = $artisan->call('status');
        $this->assertStringContainsString('16 shards on 1 master', $output);
        [, $output] = $artisan->call('status', ['--json' => true]);
        $shards = json_decode($output, true, flags: JSON_THROW_ON_ERROR)['shards'];
        $this->assertSame(range(0, 15), array_column($shards, 'shard'));
        $this->assertSame((int) $this->slot(), $shards[0]['slot']);
    }

    public function test_without_the_first_shard_check_and_status_show_the_others(): void
    {
        $node = $this->node($this->changes(4));
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->awaitEvent('channel_occupied private-room');
        $this->redis->removeSlot((int) $this->slot());

        $artisan = $this->artisan($this->changes(4));
        [$code, $output] = $artisan->call('status');
        $output = (string) preg_replace('/\s+/', ' ', $output);
        $this->assertSame(1, $code, $output);
        $this->assertStringContainsString('Shard 0 is missing in these numbers', $output);
        $this->assertStringContainsString('Servers with a lease in the other shards 1 ', $output);
        $this->assertStringNotContainsString('No running servers', $output);

        [$code, $output] = $artisan->call('status', ['--json' => true]);
        $this->assertSame(1, $code, $output);
        $this->assertSame([0, 1, 1, 1], array_column(json_decode($output, true, flags: JSON_THROW_ON_ERROR)['shards'], 'leases'));

        [$code, $output] = $artisan->call('check');
        $output = (string) preg_replace('/\s+/', ' ', $output);
        $this->assertSame(1, $code, $output);
        $this->assertStringContainsString('Shard 0 does not answer', $output);
        $this->assertStringContainsStringIgnoringCase('reports of the servers, which are not checked', $output);
        $this->assertStringNotContainsStringIgnoringCase('no running servers', $output);

        $node->stop();
    }

    public function test_another_number_of_shards_is_refused_by_every_command(): void
    {
        $node = $this->node($this->changes(2));
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->awaitEvent('channel_occupied private-room');
        $artisan = $this->artisan($this->changes(4));

        foreach (['check' => [], 'failed' => [], 'retry' => ['id' => ['all']], 'flush' => ['--force' => true]] as $command => $arguments) {
            [$code, $output] = $artisan->call($command, $arguments);
            $this->assertSame(1, $code, $output);
            $this->assertStringContainsString('another number of shards (2) than this config (4)', (string) preg_replace('/\s+/', ' ', $output), $command);
        }

        $node->stop();
    }

    public function test_without_the_key_the_remedy_is_named(): void
    {
        [$code, $output] = $this->artisan(['connection' => $this->redis->connection()])->call('check', ['--json' => true]);
        $this->assertSame(1, $code);
        $this->assertStringContainsString('it is in cluster mode: list servers of its cluster in resonate-webhooks.connection.cluster', $output);
    }

    public function test_events_custom_events_dead_letters_and_pauses_work(): void
    {
        $changes = [...$this->changes(), 'max_attempts' => 1, 'endpoints' => [
            [...$this->endpoint(), 'name' => 'good', 'events' => ['channel_occupied', 'channel_vacated', 'order.paid']],
            [...$this->endpoint('/status/500'), 'name' => 'bad', 'events' => ['channel_occupied']],
        ]];
        $node = $this->node($changes);
        $artisan = $this->artisan($changes);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $this->awaitEvent('channel_occupied private-room');

        $cluster = new Cluster($this->config($changes));
        Wait::until(fn () => $cluster->status()['dead_letters'] === 1, 'a dead letter');
        $this->assertSame(1, $cluster->status()['channels']['1']);
        [$code, $output] = $artisan->call('failed');
        $this->assertSame(0, $code);
        $this->assertStringContainsString('HTTP 500', $output);
        [$code, $output] = $artisan->call('retry', ['id' => ['all']]);
        $this->assertSame(0, $code, $output);
        [$code, $output] = $artisan->call('pause', ['endpoint' => 'bad']);
        $this->assertSame(0, $code, $output);
        $this->assertCount(1, $cluster->paused());
        [$code, $output] = $artisan->call('resume', ['endpoint' => 'bad']);
        $this->assertSame(0, $code, $output);
        [$code, $output] = $artisan->call('test', ['endpoint' => 'good']);
        $this->assertSame(0, $code, $output);

        $sender = new Sender($this->config($changes));
        $this->assertSame(['sent' => true], $sender->send('order.paid', 'private-room'));
        $this->awaitEvent('order.paid private-room');
        $sender->stop();

        $node->command('ann', 'unsubscribe', 'private-room');
        $this->awaitEvent('channel_vacated private-room');
        $node->stop();
    }

    /**
     * @param  array<string, mixed>  $changes
     */
    private function artisan(array $changes): Artisan
    {
        $this->artisan?->remove($this);

        return $this->artisan = new Artisan($this->config($changes));
    }

    /**
     * @return array<string, mixed>
     */
    private function changes(?int $shards = null): array
    {
        return ['connection' => ['cluster' => "127.0.0.1:{$this->redis->port}", 'timeout' => 5, 'shards' => $shards]];
    }

    private function slot(): string
    {
        return ltrim($this->redis->command('CLUSTER', 'KEYSLOT', '{'.$this->config()['key_prefix'].':0}')[0], ':');
    }
}
