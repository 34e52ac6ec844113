<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use Tests\Support\FakeClient;
use Tests\Support\Wait;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\AppRegistry;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;
use Webpatser\ResonateWebhooks\Native\Engine;
use Webpatser\ResonateWebhooks\Reconciler;

#[Group('alone')]
#[Group('host')]
final class ReconcileTest extends PluginTestCase
{
    public function test_the_sweep_finds_a_departure_without_a_hook(): void
    {
        $ann = $this->serve(['reconcile_interval' => 1.0])->connect();

        $ann->join('presence-room', 7)->removeFrom('presence-room');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    public function test_the_sweep_finds_a_first_subscription_without_a_hook(): void
    {
        $ann = $this->serve(['reconcile_interval' => 1.0])->connect();

        $ann->subscribeUnnoticed('presence-room', ['user_id' => 7, 'user_info' => []]);
        $this->awaitEvent('member_added presence-room 7');
        $ann->close();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    /**
     * Resonate 0.4 fails while it answers such a client, which is already on the channel, and calls no hook.
     */
    public function test_a_member_without_user_info_has_its_events(): void
    {
        $ann = $this->serve(['reconcile_interval' => 1.0])->connect();

        $ann->subscribe('presence-room', ['user_id' => 7]);
        $this->awaitEvent('member_added presence-room 7');
        $ann->close();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    public function test_a_sweep_without_differences_repairs_nothing(): void
    {
        $server = $this->serve(['reconcile_interval' => 1.0]);
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->join('presence-room', 7);
        $bob->join('presence-room', '8')->subscribe('private-marker')->removeFrom('private-marker');

        // The sweep has compared every channel when it has removed this one.
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

    public function test_channels_whose_intents_found_a_full_queue_are_reconciled(): void
    {
        $server = $this->serve(['queue_size' => 1024]);
        $ann = $server->connect();

        // Without a tick between them: more intents than the queue can hold, faster than they are taken.
        for ($i = 0; $i < 20_000; $i++) {
            $ann->subscribe("flood-{$i}");
        }

        Wait::until(fn () => count(array_unique($this->events())) >= 20_000, 'every channel', 60.0);
        $this->assertCount(20_000, $this->events());
    }

    public function test_a_slice_ends_in_time_and_the_next_one_continues(): void
    {
        [$engine, $apps] = $this->other();
        $ann = $this->server->connect();

        for ($i = 0; $i < 5_000; $i++) {
            $ann->subscribe("room-{$i}");
            $engine->subscribed('1', "room-{$i}", $ann->id(), null);
        }

        Wait::until(fn () => $engine->stats()['intents'] >= 5_000, 'the engine to have taken every intent');

        $reconciler = new Reconciler($engine, $this->host(), $apps);
        $reconciler->sweep();
        $slices = 0;

        do {
            $begin = hrtime(true);
            $reconciler->advance();
            $this->assertLessThan(50.0, (hrtime(true) - $begin) / 1e6, 'milliseconds for one slice');
            $slices++;
            Wait::pause(0.001);
        } while ($reconciler->isSweeping());

        $this->assertGreaterThan(2, $slices);
        Wait::until(fn () => $engine->stats()['intents'] >= 10_000, 'the engine to have taken every comparison');
    }

    public function test_a_channel_with_many_connections_is_compared_in_slices_both_ways(): void
    {
        [$engine, $apps] = $this->other();
        $clients = array_map(fn () => $this->server->connect()->subscribe('news'), range(1, 3_000));

        foreach ($clients as $n => $client) {
            $n % 3 > 0 && $engine->subscribed('1', 'news', $client->id(), null);
        }

        // As many clients have left without a hook as have joined without one.
        for ($n = 0; $n < 1_000; $n++) {
            $engine->subscribed('1', 'news', "gone.{$n}", null);
        }

        Wait::until(fn () => $engine->stats()['sockets'] === 3_000, 'the engine to process the hooks');
        $reconciler = $this->slicing($engine, $apps);
        $reconciler->sweep();

        for ($slices = 0; $reconciler->isSweeping(); $slices++) {
            $reconciler->advance();
            Wait::pause(0.001);
        }

        $this->assertGreaterThan(10, $slices);
        Wait::until(fn () => $engine->stats()['reconcile_repairs'] >= 2_000, 'every repair');
        $this->assertSame([2_000, 3_000], [$engine->stats()['reconcile_repairs'], $engine->stats()['sockets']]);
    }

    /**
     * Get the number of slices between a change and its hook; null for no hook.
     *
     * @return iterable<string, array{int|null}>
     */
    public static function hooks(): iterable
    {
        yield 'a hook at once' => [0];
        yield 'a hook one slice later' => [1];
        yield 'no hook' => [null];
    }

    /**
     * Six clients are on a channel, which is compared in slices of two. Between two slices, one client leaves and another joins:
     * before the first slice, after it, and so on.
     */
    #[DataProvider('hooks')]
    public function test_a_connection_that_joins_or_leaves_between_slices_is_reported_once(?int $delay): void
    {
        [$engine, $apps] = $this->other();
        $pause = 0;

        do {
            $room = "presence-room-{$pause}";
            $clients = [...$this->six($engine, $room), $dora = $this->server->connect()];
            $leaver = $clients[$pause % 6];

            $reconciler = $this->slicing($engine, $apps, byTwo: true);
            $reconciler->sweep();

            for ($slice = 0; $slice <= $pause + (int) $delay || $reconciler->isSweeping(); $slice++) {
                if ($slice === $pause) {
                    $isAmid = $slice === 0 || $reconciler->isSweeping();
                    $leaver->removeFrom($room);
                    $dora->join($room, 6);
                }

                if ($delay !== null && $slice === $pause + $delay) {
                    $engine->unsubscribed('1', $room, $leaver->id());
                    $engine->subscribed('1', $room, $dora->id(), '6');
                }

                $reconciler->advance();
                $this->taken($engine);
            }

            // The next sweep finds the connections that this one missed.
            for ($reconciler->sweep(); $reconciler->isSweeping(); $this->taken($engine)) {
                $reconciler->advance();
            }

            // Close the one that left last. It must not be reported again.
            $others = array_values(array_diff(range(0, 6), [$pause % 6]));
            $events = $this->eventsUntilClosed($engine, $room, [...array_diff_key($clients, [$pause % 6 => true]), $leaver]);

            // One leaves and one joins, in either order.
            $between = array_splice($events, 7, 2);
            sort($between);

            $this->assertSame(["member_added {$room} 6", "member_removed {$room} ".$pause % 6], $between, "in pause {$pause}");
            $this->assertSame([
                "channel_occupied {$room}",
                ...array_map(fn (int $user) => "member_added {$room} {$user}", range(0, 5)),
                ...array_map(fn (int $user) => "member_removed {$room} {$user}", $others),
                "channel_vacated {$room}",
            ], $events, "in pause {$pause}");
        } while ($isAmid && ++$pause);

        // Three slices of connections, three or more of the engine's table, and the last ones.
        $this->assertGreaterThan(6, $pause);
    }

    public function test_a_connection_that_returns_during_its_removal_is_subscribed_at_the_end(): void
    {
        [$engine, $apps] = $this->other();
        $pause = 0;

        do {
            $room = "presence-room-{$pause}";
            $clients = $this->six($engine, $room);
            $clients[5]->removeFrom($room);

            $reconciler = $this->slicing($engine, $apps, byTwo: true);
            $reconciler->sweep();

            for ($slice = 0; $slice < $pause; $slice++) {
                $reconciler->advance();
                $this->taken($engine);
            }

            $isAmid = $pause === 0 || $reconciler->isSweeping();
            $clients[5]->join($room, 5);
            $engine->subscribed('1', $room, $clients[5]->id(), '5');

            while ($reconciler->isSweeping()) {
                $reconciler->advance();
                $this->taken($engine);
            }

            $events = $this->eventsUntilClosed($engine, $room, $clients);
            $this->assertSame(
                ["member_removed {$room} 4", "member_removed {$room} 5", "channel_vacated {$room}"],
                array_slice($events, -3), "in pause {$pause}",
            );
        } while ($isAmid && ++$pause);

        $this->assertGreaterThan(6, $pause);
    }

    public function test_a_channel_that_disappears_before_its_comparison_makes_no_event(): void
    {
        [$engine, $apps] = $this->other();
        [$ann, $bob] = [$this->server->connect(), $this->server->connect()];
        $ann->subscribe('private-first');
        $bob->subscribe('private-second');

        $reconciler = $this->slicing($engine, $apps);
        $reconciler->sweep();
        $this->assertTrue($reconciler->isSweeping(), 'the first channel is compared, and both are listed');

        $bob->close();
        $engine->closed('1', $bob->id());

        while ($reconciler->isSweeping()) {
            $reconciler->advance();
        }

        $this->taken($engine);
        $ann->close();
        $engine->closed('1', $ann->id());

        $this->assertEvents(['channel_occupied private-first', 'channel_vacated private-first'], '/other');
    }

    /**
     * Create a second engine, which gets its hooks from the test only.
     *
     * @return array{Engine, AppRegistry}
     */
    private function other(): array
    {
        $this->serve();

        $engine = new Engine($this->config([
            'key_prefix' => 'other-'.bin2hex(random_bytes(4)),
            'endpoints' => [$this->endpoint('/other')],
        ]));
        $apps = new AppRegistry($engine, $this->host());
        $apps->register($this->server->connect()->connection->app());
        $engine->boot();

        return [$engine, $apps];
    }

    /**
     * Create six clients on a channel that the engine knows.
     *
     * @return list<FakeClient>
     */
    private function six(Engine $engine, string $room): array
    {
        $clients = [];

        for ($user = 0; $user < 6; $user++) {
            $clients[] = $client = $this->server->connect()->join($room, $user);
            $engine->subscribed('1', $room, $client->id(), (string) $user);
        }

        $this->taken($engine);

        return $clients;
    }

    /**
     * Close connections one by one, and wait for the events of their channel.
     *
     * @param  list<FakeClient>  $clients
     * @return list<string>
     */
    private function eventsUntilClosed(Engine $engine, string $room, array $clients): array
    {
        foreach ($clients as $client) {
            $client->close();
            $engine->closed('1', $client->id());
        }

        $this->awaitEvent("channel_vacated {$room}", '/other');

        return array_values(preg_grep("/ {$room}( |$)/", $this->events('/other')));
    }

    /**
     * Create a reconciler whose slices end after one part.
     */
    private function slicing(Engine $engine, AppRegistry $apps, bool $byTwo = false): Reconciler
    {
        if (! $byTwo) {
            return new class ($engine, $this->host(), $apps) extends Reconciler
            {
                protected const int SLICE = 0;
            };
        }

        return new class ($engine, $this->host(), $apps) extends Reconciler
        {
            protected const int SLICE = 0;

            protected const int PART = 2;
        };
    }

    private function host(): ResonateHost
    {
        return new ResonateHost(app(PluginContext::class), app(ChannelManager::class));
    }

    /**
     * Wait until the engine has processed its queue.
     */
    private function taken(Engine $engine): void
    {
        Wait::until(fn () => $engine->stats()['queued_intents'] === 0, 'the engine to process its queue');
    }
}
