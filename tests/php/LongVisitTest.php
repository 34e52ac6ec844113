<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use Tests\Support\Wait;

/**
 * Connections that last longer than the lifetime of every key in Redis that is not renewed.
 */
#[Large]
final class LongVisitTest extends PluginTestCase
{
    /**
     * The shortest valid lease, in seconds.
     */
    private const int LEASE = 3;

    public function test_a_connection_longer_than_a_lease_is_neither_announced_again_nor_lost(): void
    {
        $config = ['ttl' => self::LEASE];
        [$here, $there] = [$this->serve($config), $this->node($config)];
        $ann = $here->connect();
        $there->connect('second tab');

        $ann->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $this->outlastLease();

        $there->command('second tab', 'join', 'presence-room', 7);
        $there->command('second tab', 'whisper', 'presence-room', 'client-in-two-tabs');
        $this->awaitEvent('client_event presence-room 7 client-in-two-tabs');
        $ann->close();
        $this->outlastLease();

        $there->command('second tab', 'whisper', 'presence-room', 'client-in-one-tab');
        $this->awaitEvent('client_event presence-room 7 client-in-one-tab');
        $there->command('second tab', 'close');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'client_event presence-room 7 client-in-two-tabs', 'client_event presence-room 7 client-in-one-tab',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);

        $there->stop();
    }

    private function outlastLease(): void
    {
        Wait::pause(self::LEASE * 1.5);
    }
}
