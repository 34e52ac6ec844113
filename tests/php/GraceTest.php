<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;

/**
 * Clients that come back before anybody has noticed that they were gone.
 */
final class GraceTest extends PluginTestCase
{
    public function test_who_comes_back_within_the_grace_was_never_away_and_who_does_not_was_there_once(): void
    {
        $config = ['departure_grace' => 1.0];
        [$here, $there] = [$this->serve($config), $this->node($config)];

        $ann = $here->connect()->join('presence-room', 7);
        $tab = $here->connect()->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');

        // The page is reloaded, and the other one finds another node.
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

    public function test_a_server_that_stops_leaves_its_last_clients_their_grace_and_the_next_one_announces_them(): void
    {
        // More than a stop takes: what is over before it ends, the node announces itself.
        $config = ['departure_grace' => 3.0];
        $node = $this->node($config);

        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $log = $node->stop();
        $this->assertSame([], preg_grep('/^(WARNING|ERROR)(?!.* (roster|may lose events) )/', $log));
        $this->assertCount(2, $this->events());

        $this->serve($config);
        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }
}
