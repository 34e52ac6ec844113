<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Console\CheckResult;
use Webpatser\ResonateWebhooks\Console\StatusCheck;
use Webpatser\ResonateWebhooks\Native\Cluster;

/**
 * The checks of the status that servers report.
 */
final class StatusCheckTest extends PluginTestCase
{
    public function test_servers_whose_descriptors_the_webhooks_use_are_named_with_the_remedy(): void
    {
        $node = $this->node();
        $cluster = new Cluster($this->config());
        Wait::until(fn () => $cluster->status()['nodes'] !== [], 'the record of the node');

        $status = $cluster->status();
        $this->assertSame([], iterator_to_array(new StatusCheck($status)->servers()));

        // As in a container whose seccomp profile forbids close_range.
        $status['nodes'][0]['shares_descriptors'] = true;
        [[$result, $message, $fix]] = iterator_to_array(new StatusCheck($status)->servers());

        $this->assertSame(CheckResult::Warning, $result);
        $this->assertStringEndsWith($status['nodes'][0]['node'], $message);
        $this->assertStringContainsString('close_range', $fix);
        $node->stop();
    }
}
