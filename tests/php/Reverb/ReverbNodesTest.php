<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\PluginTestCase;
use Tests\Support\Node;
use Tests\Support\Wait;

/**
 * One or several Reverb processes, from start to end.
 */
#[Group('reverb')]
#[Large]
final class ReverbNodesTest extends PluginTestCase
{
    private const array VISIT = [
        'channel_occupied presence-room', 'member_added presence-room 7', 'member_removed presence-room 7', 'channel_vacated presence-room',
    ];

    public function test_two_nodes_announce_each_edge_once(): void
    {
        [$here, $there] = [$this->reverb(), $this->reverb()];
        $this->join($here, 'ann');
        $this->awaitEvent('member_added presence-room 7');
        $this->join($there, 'tab');
        $there->command('tab', 'subscribe', 'marker');
        $this->awaitEvent('channel_occupied marker');
        $here->command('ann', 'close');
        $here->stop();
        $there->command('tab', 'close');

        $this->awaitEvent('channel_vacated presence-room');
        $there->stop();
        $this->assertSame(self::VISIT, $this->eventsOf('presence-room'));
    }

    public function test_another_node_announces_the_departures_of_a_killed_node(): void
    {
        $config = ['ttl' => 3];
        [$here, $there] = [$this->reverb($config), $this->reverb($config)];
        $this->join($here, 'ann');
        $this->awaitEvent('member_added presence-room 7');

        $this->killNode($here);

        $this->awaitEvent('channel_vacated presence-room', seconds: 30.0);
        $this->assertSame(self::VISIT, $this->events());
        $there->stop();
    }

    #[TestWith([SIGTERM])]
    #[TestWith([SIGINT])]
    public function test_departures_are_delivered_after_a_signal(int $signal): void
    {
        $node = $this->reverb();
        $this->join($node, 'ann');
        $this->awaitEvent('member_added presence-room 7');

        $node->endBy($signal);

        $this->assertSame(self::VISIT, $this->events());
    }

    public function test_departures_are_delivered_at_a_restart(): void
    {
        $node = $this->reverb();
        $this->join($node, 'ann');
        $this->awaitEvent('member_added presence-room 7');

        $node->command(null, 'reverb:restart');

        $this->awaitEvent('channel_vacated presence-room');
        $node->rest();
        $this->assertSame(0, $node->exitCode());
        $this->assertSame(self::VISIT, $this->events());
    }

    public function test_a_hook_that_throws_is_reported_once_and_the_server_continues(): void
    {
        $node = $this->reverb(with: ['failing-hooks']);

        foreach (['ann', 'bob'] as $client) {
            $node->connect($client);
            $node->command($client, 'send', 'pusher:subscribe', null, ['channel' => 'room']);
        }

        $node->command('ann', 'close');
        $this->assertCount(1, $node->command('bob', 'received', 'pusher_internal:subscription_succeeded'));
        $this->assertCount(1, preg_grep('/^ERROR: Resonate webhooks: the list is out of order/', $node->stop()));
    }

    public function test_every_hook_and_timer_that_throws_is_reported_and_the_server_continues(): void
    {
        $node = $this->reverb(['reconcile_interval' => 1, 'endpoints_refresh' => 1], with: ['failing-node']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-cache-room');
        $node->command('ann', 'whisper', 'private-cache-room', 'client-typing', []);
        $node->command('ann', 'unsubscribe', 'private-cache-room');
        $node->command('ann', 'close');

        $hooks = ['opened', 'subscribing', 'subscribed', 'answered', 'received', 'unsubscribed', 'closed'];
        $timers = ['tick', 'advance', 'refresh', '{closure:Webpatser\ResonateWebhooks\Hosts\Node::ticks()'];
        Wait::until(fn () => $node->command(null, 'count:failures') === count($hooks) + count($timers), 'every hook and timer');

        $node->connect('bob');
        $node->command('bob', 'subscribe', 'room');
        $this->assertCount(1, $node->command('bob', 'received', 'pusher_internal:subscription_succeeded'));

        $log = implode("\n", $node->stop());
        $this->assertSame(0, $node->exitCode());

        foreach ([...$hooks, ...$timers] as $method) {
            $this->assertSame(1, substr_count($log, "ERROR: Resonate webhooks: {$method}"), "{$method} in {$log}");
        }
    }

    public function test_an_exception_that_cannot_be_reported_is_logged(): void
    {
        $node = $this->reverb(with: ['failing-timers']);
        $this->join($node, 'ann');
        $this->awaitEvent('member_added presence-room 7');
        $node->command('ann', 'close');

        $this->awaitEvent('channel_vacated presence-room');
        $node->connect('bob');
        $this->assertCount(1, preg_grep('/^ERROR: Resonate webhooks: the listener failed/', $node->stop()));
    }

    public function test_a_failing_log_loses_only_its_lines(): void
    {
        $node = $this->reverb(with: ['failing-hooks', 'failing-log']);
        $node->connect('ann');
        $node->command('ann', 'send', 'pusher:subscribe', null, ['channel' => 'room']);

        $this->assertCount(1, $node->command('ann', 'received', 'pusher_internal:subscription_succeeded'));
        $node->stop();
        $this->assertStringContainsString('the list is out of order; Laravel could not log this: the disk is full', $node->errorOutput());
    }

    public function test_a_start_that_cannot_be_logged_is_repeated(): void
    {
        $node = $this->reverb(['deny_private_networks' => false], with: ['late-endpoints', 'failing-log']);
        $this->join($node, 'ann');

        $this->awaitEvent('member_added presence-room 7');
        $node->stop();
        $this->assertStringContainsString('the disk is full', $node->errorOutput());
    }

    public function test_the_sweep_finds_connections_without_a_hook(): void
    {
        $node = $this->reverb(['queue_size' => 1024, 'reconcile_interval' => 1]);
        $node->connect('ann');
        $node->command('ann', 'flood', 3000);

        Wait::until(fn () => count(array_unique($this->events())) >= 3000, 'every channel', 60.0);
        $this->assertCount(3000, $this->events());
        $node->kill();
    }

    private function join(Node $node, string $client): void
    {
        $node->connect($client);
        $node->command($client, 'join', 'presence-room', 7);
    }
}
