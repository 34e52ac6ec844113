<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;

/**
 * Clients that return within the grace period.
 */
final class GraceTest extends PluginTestCase
{
    public function test_a_return_within_the_grace_is_silent_and_a_departure_after_it_is_announced_once(): void
    {
        $config = ['departure_grace' => 1.0];
        [$here, $there] = [$this->serve($config), $this->node($config)];

        $ann = $here->connect()->join('presence-room', 7);
        $tab = $here->connect()->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');

        // One client reloads its page, the other reconnects to another node.
        $ann->close();
        $tab->close();
        $here->connect()->join('presence-room', 7)->close();
        $there->connect('ann');
        $there->command('ann', 'join', 'presence-room', '7');
        $there->command('ann', 'whisper', 'presence-room', 'client-here-again');
        $this->awaitEvent('client_event presence-room 7 client-here-again');
        $there->command('ann', 'close');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'client_event presence-room 7 client-here-again',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);

        $bodies = implode(array_column(Receiver::shared()->requests($this->path()), 'body'));

        $this->assertSame(1, substr_count($bodies, '{"name":"member_removed","channel":"presence-room","user_id":"7"}'));
        $this->assertSame(1, substr_count($bodies, '{"name":"channel_vacated","channel":"presence-room"}'));

        $there->stop();
    }

    public function test_departures_in_their_grace_when_a_server_stops_are_announced_by_the_next_one(): void
    {
        // Longer than a stop takes, since the node announces departures whose grace ends before that.
        $config = ['departure_grace' => 3.0];
        $node = $this->node($config);

        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $log = $node->stop();
        $this->assertSame([], preg_grep('/^(WARNING|ERROR)(?!.* (roster|may lose events)\b)/', $log));
        $this->assertCount(2, $this->events());

        $this->serve($config);
        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }
}
