<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\Attributes\TestWith;
use PHPUnit\Framework\TestCase;
use Tests\Support\Process;
use Tests\Support\Receiver;

#[Large]
final class DemoTest extends TestCase
{
    #[TestWith(['resonate'])]
    #[TestWith(['reverb'])]
    #[TestWith(['resonate', 'CLUSTER=1'])]
    public function test_it_counts_the_arrived_events_and_also_sends_them_to_an_endpoint_of_the_user(string $host, string $cluster = 'CLUSTER='): void
    {
        $command = ['env', 'ENDPOINT='.Receiver::shared()->url("/{$host}/{$cluster}"), $cluster, PHP_BINARY, ...Process::loadedByHand(), dirname(__DIR__, 2).'/examples/demo/run.php', $host];
        exec(implode(' ', array_map(escapeshellarg(...), $command)).' 2>&1', $lines, $status);

        $this->assertSame(0, $status, implode("\n", $lines));
        $this->assertSame($cluster === 'CLUSTER=1', str_contains(implode("\n", $lines), 'of a Redis Cluster'));
        $this->assertMatchesRegularExpression('/^hooks: \d{3,} calls, median [\d.]+ µs, p99 [\d.]+ µs, longest [\d.]+ µs$/m', implode("\n", $lines));
        $this->assertSame(1, preg_match('/^demo: (\d{3,}) events, 0 missing, 0 duplicate, 0 out of order, 0 altered$/', end($lines), $match));
        $this->assertCount((int) $match[1], Receiver::shared()->events("/{$host}/{$cluster}", repeats: false));
    }
}
