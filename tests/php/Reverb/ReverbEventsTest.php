<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\PluginTestCase;
use Tests\Support\Process;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

#[Group('reverb')]
#[Large]
final class ReverbEventsTest extends PluginTestCase
{
    private const array VISIT = [
        'channel_occupied presence-room', 'member_added presence-room 7', 'member_removed presence-room 7', 'channel_vacated presence-room',
    ];

    /**
     * @param  array{string, string}  $way  The method by which the client leaves, and its argument.
     */
    #[TestWith([['unsubscribe', 'presence-room']], 'unsubscribe')]
    #[TestWith([['close']], 'disconnect')]
    #[TestWith([['prune']], 'prune')]
    public function test_a_visit_has_its_edges_in_every_way_of_leaving(array $way): void
    {
        $node = $this->reverb();
        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $node->command('ann', ...$way);

        $this->assertEvents(self::VISIT);
        $node->stop();
        $this->assertSame(self::VISIT, $this->events());
    }

    #[TestWith(['own-connections'])]
    #[TestWith(['own-server'])]
    #[TestWith(['own-handler'])]
    public function test_edges_do_not_depend_on_the_bindings_of_the_application(string $own): void
    {
        $node = $this->reverb(with: [$own]);
        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $node->command('ann', 'close');

        $this->assertEvents(self::VISIT);
        $node->stop();
    }

    public function test_repeated_and_refused_subscriptions_and_repeated_leaves_make_no_edges(): void
    {
        $node = $this->reverb();
        [$ann, $bob] = [$node->connect('ann'), $node->connect('bob')];
        $node->command('ann', 'send', 'pusher:subscribe', null, ['channel' => 'private-room', 'auth' => 'key-1:forged']);
        $node->command('bob', 'unsubscribe', 'private-room');
        $node->command('ann', 'subscribe', 'private-room');
        $node->command('ann', 'subscribe', 'private-room');
        $node->command('bob', 'subscribe', 'private-room');
        $node->command('ann', 'unsubscribe', 'private-room');
        $node->command('ann', 'unsubscribe', 'private-room');
        $node->command('bob', 'unsubscribe', 'private-room');

        $this->assertEvents(['channel_occupied private-room', 'channel_vacated private-room']);
        $this->assertNotSame($ann, $bob);
        $node->stop();
    }

    /**
     * Reverb adds a member before it describes the members to it, and fails to describe one without `user_info`.
     */
    public function test_a_member_whose_subscription_fails_after_it_was_added_has_its_edges(): void
    {
        $node = $this->reverb();
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'presence-room', ['user_id' => 7]);
        $this->assertCount(1, $node->command('ann', 'received', 'pusher:error'));
        $this->assertSame([], $node->command('ann', 'received', 'pusher_internal:subscription_succeeded'));
        $this->awaitEvent('member_added presence-room 7');

        // The failure of each later member is the same, and leaves it on the channel too.
        $node->connect('bob');
        $node->command('bob', 'join', 'presence-room', 8);
        $this->assertCount(1, $node->command('bob', 'received', 'pusher:error'));
        $node->command('ann', 'unsubscribe', 'presence-room');
        $node->command('bob', 'close');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7', 'member_added presence-room 8',
            'member_removed presence-room 7', 'member_removed presence-room 8', 'channel_vacated presence-room',
        ]);
        $node->stop();
    }

    public function test_a_second_tab_is_silent_and_applications_are_separate(): void
    {
        $node = $this->reverb(apps: [TestApplication::app('1'), TestApplication::app('2')]);
        $node->connect('ann');
        $node->connect('tab');
        $node->connect('eve', 'key-2');

        foreach (['ann', 'tab', 'eve'] as $client) {
            $node->command($client, 'join', 'presence-room', 7);
        }

        $node->command('ann', 'close');
        $node->command('eve', 'close');
        $this->awaitEvent('channel_vacated presence-room');
        $node->command('tab', 'close');
        $this->awaitEvent('channel_vacated presence-room', times: 2);

        foreach (['key-1', 'key-2'] as $key) {
            $this->assertSame(self::VISIT, $this->eventsOfKey($key));
        }

        $node->stop();
    }

    public function test_connections_are_reported_once_even_if_the_client_repeats_the_request(): void
    {
        $node = $this->reverb($this->receiving('connection_established', 'connection_terminated'));
        $ann = $node->connect('ann');
        $node->command('ann', 'send', 'pusher:connection_established', null, []);
        $node->command('ann', 'join', 'presence-room', 7);
        $node->command('ann', 'close');

        $this->awaitEvent('connection_terminated');
        $node->stop();
        $this->assertSame(
            array_map(fn (string $name) => ['name' => $name, 'socket_id' => $ann], ['connection_established', 'connection_terminated']),
            Receiver::shared()->events($this->path()),
        );
    }

    #[TestWith(['own-server', '/binds its own .*Server, so connection_established and connection_terminated are not sent/'])]
    #[TestWith(['own-handler', '/binds its own .*EventHandler, so connection_established, connection_terminated and cache_miss are not sent/'])]
    public function test_events_that_cannot_be_sent_are_off_and_named(string $own, string $warning): void
    {
        $node = $this->reverb($this->receiving('connection_established', 'connection_terminated', 'channel_vacated'), with: [$own]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');
        $node->command('ann', 'close');

        $this->assertEvents(['channel_vacated room']);
        $this->assertCount(1, preg_grep($warning, $node->stop()));
    }

    public function test_subscriptions_are_counted(): void
    {
        $node = $this->reverb($this->receiving('subscription_count') + ['subscription_count_interval' => 0.0]);

        foreach (['ann', 'bob'] as $client) {
            $node->connect($client);
            $node->command($client, 'subscribe', 'room');
        }

        Wait::until(fn () => in_array(2, array_column(Receiver::shared()->events($this->path()), 'subscription_count'), true), 'a count of two');
        $node->stop();
    }

    public function test_an_empty_cache_channel_makes_misses_until_it_has_a_payload(): void
    {
        $node = $this->reverb($this->receiving('cache_miss') + ['cache_miss_ttl' => 1]);
        $node->connect('ann');
        $node->connect('bob');
        // This is a cache channel for Reverb, but not for Pusher.
        $node->command('ann', 'subscribe', 'cachefoo');
        $node->command('ann', 'subscribe', 'private-cache-room');
        $node->command('bob', 'subscribe', 'private-cache-room');
        $this->awaitEvent('cache_miss private-cache-room');

        $node->command('ann', 'whisper', 'private-cache-room', 'client-scored', ['goals' => 1]);
        $node->command('bob', 'subscribe', 'private-cache-room');
        $node->command('bob', 'join', 'presence-cache-end', 'bob');
        $this->awaitEvent('cache_miss presence-cache-end');

        $node->stop();
        $this->assertSame(['cache_miss private-cache-room', 'cache_miss presence-cache-end'], $this->events());
    }

    public function test_an_extended_endpoint_gets_the_data_of_members(): void
    {
        $node = $this->reverb(['endpoints' => [$this->endpoint(more: ['payload' => 'extended'])]]);
        $ann = $node->connect('ann');
        $node->command('ann', 'subscribeWith', 'presence-room', '{"user_id": 7, "user_info": {"tags": {}}}');
        $this->awaitEvent('member_added presence-room 7');

        $added = Receiver::shared()->events($this->path())[1];
        $this->assertSame([$ann, '{"user_id": 7, "user_info": {"tags": {}}}'], [$added['socket_id'], $added['data']]);
        $node->stop();
    }

    public function test_a_custom_event_is_delivered_in_order(): void
    {
        $node = $this->reverb($this->receiving('channel_occupied', 'order.*'), with: ['order-command']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-orders');
        $this->awaitEvent('channel_occupied private-orders');
        $node->command(null, 'send:order');

        $this->assertEvents(['channel_occupied private-orders', 'order.paid private-orders']);
        $node->stop();
    }

    public function test_an_event_is_sent_from_another_process_of_the_application(): void
    {
        $node = $this->reverb($this->receiving('order.*'), with: ['order-command']);
        $process = Process::php('reverb-console.php', 'artisan');
        $process->writeLine((string) json_encode(['webhooks' => $this->config($this->receiving('order.*')), 'apps' => [], 'with' => ['order-command'], 'command' => ['command' => 'send:order']]));
        $process->hangUp();

        $this->assertSame([], $process->rest());
        $this->assertEvents(['order.paid private-orders']);
        $node->stop();
    }

    public function test_a_server_without_webhooks_sends_an_event_as_any_other_process_does(): void
    {
        $node = $this->reverb($this->receiving('order.*'));
        $plain = $this->reverb(['reverb' => false] + $this->receiving('order.*'), with: ['order-command']);
        $plain->command(null, 'send:order');

        $this->assertEvents(['order.paid private-orders']);
        $this->assertSame([], preg_grep('/Resonate webhooks/', $plain->stop()));
        $node->stop();
    }

    public function test_endpoints_that_are_loaded_late_get_the_existing_connections(): void
    {
        $node = $this->reverb(['deny_private_networks' => false], with: ['late-endpoints']);
        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);

        $this->awaitEvent('member_added presence-room 7');
        $node->command('ann', 'close');
        $this->assertEvents(self::VISIT);
        $this->assertCount(1, preg_grep('/have not started: the database is away/', $node->stop()));
    }

    public function test_an_application_that_cannot_be_listed_is_registered_with_its_first_connection(): void
    {
        $node = $this->reverb(with: ['late-applications']);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'room');
        $this->assertEvents(['channel_occupied room']);

        $node->kill();
    }

    public function test_hostile_channel_names_are_handled(): void
    {
        $node = $this->reverb();
        $node->connect('ann');
        $expected = [];

        foreach (['*', 'a:b', '123', "caf\u{e9} 'quoted' \"{}", str_repeat('x', 9000)] as $channel) {
            $node->command('ann', 'subscribe', $channel);
            $expected[] = "channel_occupied {$channel}";
        }

        Wait::until(fn () => count($this->events()) === count($expected), 'every channel');
        $this->assertEqualsCanonicalizing($expected, $this->events());
        $node->stop();
    }

    /**
     * Get the config of an endpoint for these events.
     *
     * @return array<string, mixed>
     */
    private function receiving(string ...$events): array
    {
        return ['endpoints' => [$this->endpoint(more: ['events' => $events])]];
    }

    /**
     * Get the events that an application's secret has signed.
     *
     * @return list<string>
     */
    private function eventsOfKey(string $key): array
    {
        $requests = array_filter(Receiver::shared()->requests($this->path()), fn (array $request) => $request['headers']['x-pusher-key'] === $key);
        $events = array_merge(...array_map(fn (array $request) => json_decode($request['body'], true)['events'], array_values($requests)));

        return array_map(fn (array $event) => implode(' ', array_filter([$event['name'], $event['channel'], $event['user_id'] ?? null])), $events);
    }
}
