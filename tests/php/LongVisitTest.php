<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use Tests\Support\Wait;

/**
 * Visits that last longer than anything in Redis lives without being renewed.
 */
#[Large]
final class LongVisitTest extends PluginTestCase
{
    /**
     * The shortest lease that can be configured, in seconds.
     */
    private const int LEASE = 3;

    public function test_who_stays_longer_than_a_lease_is_not_announced_again_and_not_forgotten(): void
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
