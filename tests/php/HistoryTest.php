<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Artisan;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Native\Cluster as NativeCluster;

final class HistoryTest extends PluginTestCase
{
    private ?Artisan $artisan = null;

    protected function tearDown(): void
    {
        $this->artisan?->remove($this);

        parent::tearDown();
    }

    public function test_an_application_reads_the_history_of_its_servers(): void
    {
        $endpoints = ['good' => $this->endpoint(), 'bad' => $this->endpoint('/status/404')];
        $node = $this->node(['max_attempts' => 1, 'endpoints' => $endpoints]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        $cluster = new NativeCluster($this->config(['endpoints' => $endpoints]));
        $history = Wait::until(function () use ($cluster) {
            $history = $cluster->history(['good', 'bad', 'unknown'], 60, 1);

            return array_sum(array_column($history['attempts'], 'given_up')) === 1 && array_sum(array_column($history['attempts'], 'delivered')) === 1 ? $history : false;
        }, 'the history');

        $this->assertSame(['bad', 'good', 'unknown'], array_keys($history['endpoints']));
        $this->assertSame([60, 60, 60, 60_000], [count($history['attempts']), count($history['load']), count($history['endpoints']['unknown']), $history['step_ms']]);
        $this->assertSame(1, array_sum(array_column(array_column($history['endpoints']['bad'], 'failures'), 'http_4xx')));
        $this->assertSame(0, array_sum(array_column($history['endpoints']['good'], 'failed')));
        $this->assertIsFloat(max(array_column($history['endpoints']['good'], 'p95_ms')));
        $this->assertSame([false, true], [$history['attempts'][59]['complete'], $history['attempts'][50]['complete']]);
        $this->assertSame(1, array_sum(array_column($history['load'], 'events_delivered')));

        $this->artisan = new Artisan($this->config(['endpoints' => $endpoints]));
        [$code, $output] = $this->artisan->call('status');
        $this->assertSame(0, $code);
        $this->assertMatchesRegularExpression('/Last hour +1 request delivered, 1 attempt failed, 1 given up +[·▁▂▃▄▅▆▇█]{30} *\n/u', $output);
        $this->assertMatchesRegularExpression('/Last 24 hours +1 request delivered, 1 attempt failed, 1 given up +[·▁▂▃▄▅▆▇█]{48} *\n/u', $output);
        $this->assertStringContainsString('failed: 1 × HTTP 4xx', $output);
        $this->assertMatchesRegularExpression('/The 2 minutes from \d\d:\d\d( and \d\d:\d\d)? are incomplete/', $output);
        $this->assertMatchesRegularExpression('/last hour: [·█]{30} 0 requests delivered, 1 attempt failed, 1 given up/u', $output);
        $node->stop();

        $again = $this->artisan->laravel->make(Cluster::class)->history(minutes: 1440, step: 15);
        $this->assertSame([96, []], [count($again['attempts']), $again['endpoints']]);
        $this->assertGreaterThan(0, array_sum(array_column($again['attempts'], 'given_up')), 'it is still there without a server');
    }

    public function test_every_key_of_a_history_is_documented(): void
    {
        $history = (new NativeCluster($this->config()))->history([], 60, 1);
        $page = (string) file_get_contents(dirname(__DIR__, 2).'/docs/operations.md');
        $keys = [...array_keys($history), ...array_keys($history['attempts'][0]), ...array_keys($history['load'][0])];
        $this->assertSame([], array_values(array_filter($keys, fn (string $key) => ! str_contains($page, "`{$key}`"))));
    }
}
