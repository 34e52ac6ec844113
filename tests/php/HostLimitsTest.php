<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use Tests\Support\FakeServer;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;

/**
 * Requests that the server rejects send no webhooks, in every release.
 */
#[Group('host')]
final class HostLimitsTest extends PluginTestCase
{
    public function test_a_rejected_connection_is_reported_only_if_it_is_served(): void
    {
        $server = $this->serve(['endpoints' => [$this->endpoint(more: ['events' => ['channel_occupied', 'channel_vacated', 'client_event', 'connection_established']])]], [
            TestApplication::app('1'),
            ['allowed_origins' => ['example.com']] + TestApplication::app('2'),
        ]);

        $eve = $server->connect('key-2');

        if (! FakeServer::rejects()) {
            // Up to 0.5.0, the connection stays open and works.
            $eve->subscribe('private-eve')->whisper('private-eve', 'client-a');
            $eve->close();
            $this->awaitEvent('channel_vacated private-eve');
            $this->assertSame(['channel_occupied private-eve', 'client_event private-eve client-a', 'channel_vacated private-eve'], $this->eventsOf('private-eve'));
        }

        $ann = $server->connect();
        $ann->subscribe('private-room');
        $this->awaitEvent('channel_occupied private-room');

        $established = array_filter(Receiver::shared()->events($this->path()), fn (array $event) => $event['name'] === 'connection_established');
        $this->assertSame([$ann->id()], array_values(array_column($established, 'socket_id')));
    }

    public function test_a_subscription_beyond_the_limits_is_not_reported(): void
    {
        $this->application = new TestApplication($this->config(), server: [
            'max_channel_name_length' => 20,
            'max_subscriptions_per_connection' => 2,
        ]);
        $this->server = new FakeServer($this->application->laravel);
        $ann = $this->server->connect();

        $ann->subscribe('private-a')->subscribe(str_repeat('private-', 4))->subscribe('private-b')->subscribe('private-c')
            ->subscribe('private-a')->whisper('private-c', 'client-a')->whisper('private-a', 'client-end');
        $this->awaitEvent('client_event private-a client-end');

        $expected = ['channel_occupied private-a', 'channel_occupied private-b', 'client_event private-a client-end'];

        if (! FakeServer::rejects()) {
            // These limits exist since 0.6.
            $expected[] = 'channel_occupied private-c';
            $expected[] = 'channel_occupied '.str_repeat('private-', 4);
            $expected[] = 'client_event private-c client-a';
        }

        $this->assertEqualsCanonicalizing($expected, $this->events());
    }

    public function test_a_message_beyond_the_limit_of_its_application_makes_no_event(): void
    {
        $ann = $this->serve(apps: [['max_message_size' => 500] + TestApplication::app('1')])->connect();

        $ann->subscribe('private-room')
            ->whisper('private-room', 'client-long', ['text' => str_repeat('x', 500)])
            ->whisper('private-room', 'client-end');

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-end']);
        $this->assertCount(1, $ann->received('pusher:error'));
    }
}
