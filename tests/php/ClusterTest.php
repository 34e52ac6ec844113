<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Native\Cluster;

final class ClusterTest extends PluginTestCase
{
    public function test_another_process_reads_the_status_of_a_node(): void
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => ['good' => $this->endpoint(), 'bad' => $this->endpoint('/status/500')]]);
        $cluster = new Cluster($this->config());

        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        // The parts of a node's record are read one after another.
        Wait::until(fn () => array_sum(array_column($cluster->status()['endpoints'], 'drops')) === 1, 'the drop');

        $status = $cluster->status();
        [$seen] = $status['nodes'];
        [$good, $bad] = $status['endpoints'];
        $this->assertSame(
            ['running', gethostname(), phpversion('resonate_webhooks'), ['1']],
            [$seen['state'], $seen['host'], $seen['version'], array_intersect($seen['apps'], ['1'])],
        );
        $this->assertSame(['good', 'ok', 200, null, 1], [$good['id'], $good['state'], $good['last_status'], $good['last_error'], $good['deliveries']]);
        $this->assertSame(['bad', 'failing', 500, 'HTTP 500', 1], [$bad['id'], $bad['state'], $bad['last_status'], $bad['last_error'], $bad['drops']]);
        $this->assertCount(count($status['latency_bounds_ms']) + 1, $good['latency']['counts']);
        $this->assertSame(1, array_sum($good['latency']['counts']));
        $this->assertIsFloat($good['p95_ms']);
        $this->assertSame([1, 1], [$status['dead_letters'], $status['channels']['1']]);

        $this->killNode($node);
        Wait::until(fn () => $cluster->status()['nodes'][0]['state'] === 'silent', 'the silent state');
    }

    public function test_every_key_is_documented(): void
    {
        $node = $this->node(['endpoints' => [$this->endpoint('/status/500')]]);
        $cluster = new Cluster($this->config());
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => ($cluster->status()['lanes'] ?? []) !== [], 'a lane');
        $status = $cluster->status();
        $page = (string) file_get_contents(dirname(__DIR__, 2).'/docs/operations.md');

        $keys = [...array_keys($status), ...array_keys($status['redis'])];

        foreach (['nodes', 'endpoints', 'lanes'] as $list) {
            $keys = [...$keys, ...array_keys($status[$list][0])];
        }

        $this->assertSame([], array_values(array_filter(array_unique($keys), fn (string $key) => ! str_contains($page, "`{$key}`"))));
        $node->stop();
    }

    public function test_an_error_names_what_is_wrong(): void
    {
        try {
            (new Cluster(['connection' => ['host' => '/nowhere/redis.sock']]))->status();
            $this->fail('no exception');
        } catch (RedisFailed $e) {
            $this->assertStringStartsWith('Redis at /nowhere/redis.sock: unreachable', $e->getMessage());
        }

        $this->expectException(InvalidConfig::class);
        new Cluster(['ttl' => 'never']);
    }
}
