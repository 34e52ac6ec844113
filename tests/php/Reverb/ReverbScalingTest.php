<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use Tests\PluginTestCase;
use Tests\Support\FreePort;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Console\StatusCheck;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Reverb\ReverbScaling;

/**
 * The check of Reverb's scaling channel.
 */
#[Group('reverb')]
final class ReverbScalingTest extends PluginTestCase
{
    public function test_processes_without_webhooks_are_counted(): void
    {
        $node = $this->reverb();
        $cluster = new Cluster($this->config());
        Wait::until(fn () => $cluster->status()['nodes'] !== [], 'the record of the node');
        $this->scale('webhooks-test-scaling');

        // Reverb's processes subscribe to the channel.
        $processes = [$this->subscribe('webhooks-test-scaling')];
        Wait::until(fn () => ReverbScaling::processes() === 1, 'one process');
        $this->assertSame([], iterator_to_array(new StatusCheck($cluster->status())->scaling(1)));

        $processes[] = $this->subscribe('webhooks-test-scaling');
        Wait::until(fn () => ReverbScaling::processes() === 2, 'two processes');
        [[, $message]] = iterator_to_array(new StatusCheck($cluster->status())->scaling(2));

        $this->assertStringStartsWith('2 Reverb processes share the scaling channel, but only 1 of them', $message);
        $node->stop();
    }

    public function test_nothing_is_concluded_without_scaling_or_without_its_redis(): void
    {
        $this->scale('any', enabled: false);
        $this->assertNull(ReverbScaling::processes());

        $this->scale('any', port: FreePort::find());
        $this->assertNull(ReverbScaling::processes());
    }

    /**
     * Configure scaling as `config/reverb.php` does.
     */
    private function scale(string $channel, bool $enabled = true, ?int $port = null): void
    {
        $this->application ??= new TestApplication($this->config());
        config(['database.redis.client' => 'predis', 'reverb.servers.reverb.scaling' => [
            'enabled' => $enabled, 'channel' => $channel, 'server' => ['url' => null, 'host' => '127.0.0.1', 'port' => (string) ($port ?? RedisServer::shared()->port), 'database' => '0'],
        ]]);
    }

    /**
     * @return resource
     */
    private function subscribe(string $channel): mixed
    {
        $socket = stream_socket_client('tcp://127.0.0.1:'.RedisServer::shared()->port);
        fwrite($socket, "SUBSCRIBE {$channel}\r\n");

        return $socket;
    }
}
