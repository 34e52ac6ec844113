<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;

final class NodesTest extends PluginTestCase
{
    public function test_two_nodes_that_serve_one_channel_announce_each_edge_once(): void
    {
        [$here, $there] = [$this->node(), $this->node()];

        $here->connect('ann');
        $there->connect('bob');
        $here->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');

        $there->command('bob', 'join', 'presence-room', '7');
        $there->command('bob', 'whisper', 'presence-room', 'client-bob-is-here');
        $this->awaitEvent('client_event presence-room 7 client-bob-is-here');

        $here->command('ann', 'close');
        $there->command('bob', 'unsubscribe', 'presence-room');
        $this->awaitEvent('channel_vacated presence-room');

        $there->command('bob', 'join', 'presence-room', 8);
        $there->command('bob', 'whisper', 'presence-room', 'client-end');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'client_event presence-room 7 client-bob-is-here',
            'member_removed presence-room 7', 'channel_vacated presence-room',
            'channel_occupied presence-room', 'member_added presence-room 8',
            'client_event presence-room 8 client-end',
        ]);

        $here->stop();
        $there->stop();
    }

    public function test_fast_changes_on_two_nodes_alternate_edges(): void
    {
        $nodes = [$this->node(), $this->node()];

        foreach ($nodes as $node) {
            $node->connect('ann');
        }

        foreach (range(1, 40) as $round) {
            foreach ($nodes as $node) {
                $node->command('ann', $round % 2 === 1 ? 'join' : 'unsubscribe', 'presence-room', ...$round % 2 === 1 ? [7] : []);
            }
        }

        foreach ($nodes as $node) {
            $node->command('ann', 'join', 'presence-room', 9);
        }

        $this->awaitEvent('member_added presence-room 9');
        $nodes[0]->command('ann', 'close');
        $nodes[1]->command('ann', 'close');
        $this->awaitEvent('member_removed presence-room 9');
        $nodes[0]->connect('bob');
        $nodes[0]->command('bob', 'join', 'presence-room', 10);
        $this->awaitEvent('member_added presence-room 10');

        foreach (['channel_occupied presence-room', 'member_added presence-room 7', 'member_added presence-room 9'] as $first) {
            $this->assertAlternating($first, strtr($first, ['occupied' => 'vacated', 'added' => 'removed']));
        }

        $nodes[0]->stop();
        $nodes[1]->stop();
    }

    public function test_a_node_that_stops_delivers_its_events_and_announces_its_departures(): void
    {
        $node = $this->node(['flush_interval' => 30.0, 'shutdown_timeout' => 5.0]);

        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $node->command(null, 'drain');
        $node->command('ann', 'whisper', 'presence-room', 'client-while-draining');
        $log = $node->stop();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'client_event presence-room 7 client-while-draining',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
        $this->assertSame([], preg_grep('/^(WARNING|ERROR)(?!.* (roster|may lose events)\b)/', $log));
    }

    public function test_outcomes_after_the_last_tick_are_reported_to_laravel(): void
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/status/500')]]);

        $node->connect('ann');
        $node->command(null, 'drain');
        $node->command('ann', 'subscribe', 'room');

        $this->assertNotSame([], preg_grep('/^WARNING: .*HTTP 500/', $node->stop()));
    }

    public function test_a_stop_is_bounded_while_an_endpoint_is_dead_and_loses_nothing(): void
    {
        $port = Support\FreePort::find();
        $node = $this->node(['shutdown_timeout' => 0.5, 'endpoints' => [['url' => "http://127.0.0.1:{$port}/"]]]);

        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');
        $begin = hrtime(true);
        $node->stop();

        $this->assertLessThan(5.0, (hrtime(true) - $begin) / 1e9);
    }

    public function test_other_nodes_deliver_the_webhooks_of_a_killed_node(): void
    {
        $config = ['flush_interval' => 0.5, 'ttl' => 3];
        [$here, $there] = [$this->node($config), $this->node($config)];

        $here->connect('ann');
        $here->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $this->killNode($here);

        $this->awaitEvent('channel_vacated presence-room', seconds: 30.0);
        $this->assertSame(
            [
                'channel_occupied presence-room', 'member_added presence-room 7',
                'member_removed presence-room 7', 'channel_vacated presence-room',
            ],
            $this->events(),
        );
        $this->assertNotSame([], Receiver::shared()->requests($this->path()));

        $there->stop();
    }

    /**
     * Assert that two opposite events alternate, starting with the first.
     */
    private function assertAlternating(string $first, string $second): void
    {
        $turns = array_values(array_filter($this->events(), fn (string $event) => in_array($event, [$first, $second], true)));

        $this->assertNotSame([], $turns);

        foreach ($turns as $i => $event) {
            $this->assertSame($i % 2 === 0 ? $first : $second, $event, implode(', ', $turns));
        }
    }
}
