<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use Tests\Support\Wait;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\ResonateWebhooks\AppDirectory;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\Reconciler;

#[Group('alone')]
#[Group('host')]
final class ReconcileTest extends PluginTestCase
{
    public function test_a_departure_of_which_no_hook_heard_is_found_by_the_sweep(): void
    {
        $ann = $this->serve(['reconcile_interval' => 1.0])->connect();

        $ann->join('presence-room', 7)->removeFrom('presence-room');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    public function test_a_sweep_over_the_truth_says_nothing(): void
    {
        $server = $this->serve(['reconcile_interval' => 1.0]);
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->join('presence-room', 7);
        $bob->join('presence-room', '8')->subscribe('private-marker')->removeFrom('private-marker');

        // The sweep has been over every channel when it has found this one empty.
        $this->awaitEvent('channel_vacated private-marker');
        $ann->whisper('presence-room', 'client-end');

        $this->awaitEvent('client_event presence-room 7 client-end');
        $this->assertSame(
            [
                'channel_occupied presence-room', 'member_added presence-room 7',
                'member_added presence-room 8', 'client_event presence-room 7 client-end',
            ],
            $this->eventsOf('presence-room'),
        );
    }

    public function test_intents_that_found_the_queue_full_are_made_up_for(): void
    {
        $server = $this->serve(['queue_size' => 1024]);
        $ann = $server->connect();

        // Without a tick in between: more than the queue holds, faster than anybody can take it.
        for ($i = 0; $i < 20_000; $i++) {
            $ann->subscribe("flood-{$i}");
        }

        Wait::until(fn () => count(array_unique($this->events())) >= 20_000, 'every channel', 60.0);
        $this->assertCount(20_000, $this->events());
    }

    public function test_a_slice_ends_in_time_and_the_next_one_goes_on(): void
    {
        $this->serve();

        $engine = new Engine($this->config(['key_prefix' => 'other-'.bin2hex(random_bytes(4)), 'endpoints' => []]));
        $engine->boot();
        $apps = new AppDirectory($engine);
        $ann = $this->server->connect();
        $apps->meet($ann->connection->app());

        for ($i = 0; $i < 5_000; $i++) {
            $ann->subscribe("room-{$i}");
            $engine->subscribed('1', "room-{$i}", $ann->id(), null);
        }

        Wait::until(fn () => $engine->stats()['intents'] >= 5_000, 'the engine to have taken every intent');

        $reconciler = new Reconciler($engine, $this->application->laravel->make(PluginContext::class), $apps);
        $reconciler->sweep();
        $slices = 0;

        do {
            $before = $engine->stats()['intents'];
            $begin = hrtime(true);
            $reconciler->advance();
            $this->assertLessThan(50.0, (hrtime(true) - $begin) / 1e6, 'milliseconds for one slice');
            $slices++;
            Wait::pause(0.02);
        } while ($engine->stats()['intents'] > $before);

        $this->assertGreaterThan(2, $slices);
        $this->assertGreaterThanOrEqual(10_000, $engine->stats()['intents']);
    }
}
