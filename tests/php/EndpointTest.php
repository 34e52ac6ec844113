<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;
use Tests\Support\TestApplication;

/**
 * Filters, batches, and the endpoints of applications.
 */
final class EndpointTest extends PluginTestCase
{
    public function test_an_endpoint_gets_the_channels_and_client_events_that_pass_its_filter(): void
    {
        $server = $this->serve(['endpoints' => [
            $this->endpoint('/all'),
            $this->endpoint('/chat', ['filter' => [
                'channel_type' => 'private',
                'channel_pattern' => 'private-chat-\d+',
                'client_events' => ['deny' => 'client-typing'],
            ]]),
        ]]);

        $ann = $server->connect()->subscribe('private-chat-1')->subscribe('private-chat-x')->subscribe('news');
        $ann->whisper('private-chat-1', 'client-typing', ['a' => 1])->whisper('private-chat-1', 'client-sent', ['a' => 1]);
        $ann->close();
        $this->awaitEvent('channel_vacated news', '/all');

        $this->assertEvents(
            ['channel_occupied private-chat-1', 'client_event private-chat-1 client-sent', 'channel_vacated private-chat-1'],
            '/chat',
        );
    }

    public function test_an_endpoint_without_batching_gets_one_event_a_request(): void
    {
        $server = $this->serve(['endpoints' => [$this->endpoint(more: ['batching' => ['enabled' => false]])]]);

        $server->connect()->join('presence-room', 7)->close();
        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);

        $this->assertCount(4, Receiver::shared()->requests($this->path()));
    }

    public function test_an_application_has_its_own_endpoints_in_addition_to_those_of_the_config(): void
    {
        $own = ['url' => Receiver::shared()->url($this->path('/own')), 'event_types' => ['channel_occupied']];
        $server = $this->serve(apps: [
            TestApplication::app('1'),
            TestApplication::app('2') + ['webhooks' => [$own]],
        ]);

        $server->connect('key-1')->subscribe('of-one')->close();
        $server->connect('key-2')->subscribe('of-two')->close();
        $this->awaitEvent('channel_vacated of-one');
        $this->awaitEvent('channel_vacated of-two');

        $this->awaitEvent('channel_occupied of-two', '/own');
        $this->assertSame(['channel_occupied of-two'], $this->events('/own'));
        $this->assertSame('key-2', Receiver::shared()->requests($this->path('/own'))[0]['headers']['x-pusher-key']);
    }

    public function test_an_error_in_the_webhooks_of_an_application_is_named_with_its_key(): void
    {
        $this->serve(apps: [TestApplication::app('1') + ['webhooks' => [['url' => 'https://example.com', 'event_typs' => []]]]]);

        $this->assertSame(
            ['ERROR: Resonate webhooks are off: reverb.apps.apps.0.webhooks.0.event_typs: unknown key, did you mean "event_types"?'],
            array_values(preg_grep('/are off/', $this->application->log())),
        );
    }
}
