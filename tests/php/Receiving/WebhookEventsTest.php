<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Carbon\CarbonImmutable;
use Error;
use PHPUnit\Framework\Attributes\DataProvider;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\CacheMiss;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelVacated;
use Webpatser\ResonateWebhooks\Receiving\Events\ClientEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\ConnectionEstablished;
use Webpatser\ResonateWebhooks\Receiving\Events\ConnectionTerminated;
use Webpatser\ResonateWebhooks\Receiving\Events\CustomEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberRemoved;
use Webpatser\ResonateWebhooks\Receiving\Events\SubscriptionCount;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;

final class WebhookEventsTest extends ReceivingTestCase
{
    /**
     * @param  class-string<WebhookEvent>  $class
     * @param  array<string, mixed>  $properties
     */
    #[DataProvider('forms')]
    public function test_each_event_has_a_class_with_its_fields(string $event, string $class, array $properties): void
    {
        $this->postSigned('{"time_ms":1700000000123,"events":['.$event.']}')->assertNoContent();
        [$received] = $this->events();

        $this->assertSame($class, $received::class);

        foreach ($properties as $name => $value) {
            $this->assertSame($value, $received->{$name}, $name);
        }

        $this->assertSame('key-1', $received->appKey);
        $this->assertSame(json_decode($event, true), $received->payload);
        $this->assertEquals($received, unserialize(serialize($received)), 'it may wait in a queue');
    }

    /**
     * @return iterable<string, array{0: string, 1: class-string<WebhookEvent>, 2: array<string, mixed>}>
     */
    public static function forms(): iterable
    {
        yield 'channel_occupied' => [
            '{"name":"channel_occupied","channel":"private-straße/東京"}',
            ChannelOccupied::class, ['name' => 'channel_occupied', 'channel' => 'private-straße/東京', 'id' => null, 'webhookId' => null],
        ];
        yield 'channel_vacated' => ['{"name":"channel_vacated","channel":"room"}', ChannelVacated::class, ['channel' => 'room']];
        yield 'member_added' => [
            '{"name":"member_added","channel":"presence-a","user_id":"7"}',
            MemberAdded::class, ['channel' => 'presence-a', 'userId' => '7', 'socketId' => null, 'data' => null],
        ];
        yield 'member_removed' => [
            '{"name":"member_removed","channel":"presence-a","user_id":"007"}', MemberRemoved::class, ['userId' => '007'],
        ];
        yield 'a member with all fields' => [
            '{"id":"1700000000000-0","time_ms":1700000001000,"name":"member_added","channel":"presence-a","user_id":"7","socket_id":"1.2","data":"{\"user_info\":{\"name\":\"Ann\"}}"}',
            MemberAdded::class, ['id' => '1700000000000-0', 'socketId' => '1.2', 'data' => ['user_info' => ['name' => 'Ann']]],
        ];
        yield 'client_event' => [
            '{"name":"client_event","channel":"presence-a","event":"client-typing","data":"{\"draft\":\"Hel\"}","socket_id":"1.2","user_id":"7"}',
            ClientEvent::class, ['event' => 'client-typing', 'data' => ['draft' => 'Hel'], 'socketId' => '1.2', 'userId' => '7'],
        ];
        yield 'a client event with its name only' => [
            '{"name":"client_event","channel":"private-a","event":"client-a"}',
            ClientEvent::class, ['event' => 'client-a', 'data' => null, 'socketId' => null, 'userId' => null],
        ];
        yield 'client data that is a string' => [
            '{"name":"client_event","channel":"private-a","event":"client-a","data":"Hel"}', ClientEvent::class, ['data' => 'Hel'],
        ];
        yield 'client data that is a number too long for PHP' => [
            '{"name":"client_event","channel":"private-a","event":"client-a","data":"[12345678901234567890]"}',
            ClientEvent::class, ['data' => ['12345678901234567890']],
        ];
        yield 'cache_miss' => ['{"name":"cache_miss","channel":"cache-a"}', CacheMiss::class, ['channel' => 'cache-a']];
        yield 'subscription_count' => [
            '{"name":"subscription_count","channel":"room","subscription_count":3}', SubscriptionCount::class, ['channel' => 'room', 'count' => 3],
        ];
        yield 'connection_established' => [
            '{"name":"connection_established","socket_id":"1.2"}', ConnectionEstablished::class, ['socketId' => '1.2'],
        ];
        yield 'connection_terminated' => [
            '{"name":"connection_terminated","socket_id":"1.2"}', ConnectionTerminated::class, ['socketId' => '1.2'],
        ];
        yield 'a custom event' => [
            '{"name":"order_shipped","channel":"orders","data":"{\"id\":7}"}',
            CustomEvent::class, ['name' => 'order_shipped', 'channel' => 'orders', 'data' => ['id' => 7]],
        ];
        yield 'a custom event without a channel' => ['{"name":"pinged"}', CustomEvent::class, ['name' => 'pinged', 'channel' => null, 'data' => null]];
        yield 'a known name with other fields' => [
            '{"name":"member_added","channel":"presence-a"}', CustomEvent::class, ['name' => 'member_added', 'channel' => 'presence-a'],
        ];
        yield 'an invalid channel' => ['{"name":"channel_occupied","channel":["a"]}', CustomEvent::class, ['channel' => null]];
        yield 'an invalid name' => ['{"name":["a"],"time_ms":"soon","id":{}}', CustomEvent::class, ['name' => '', 'id' => null]];
        yield 'an empty event' => ['{}', CustomEvent::class, ['name' => '']];
        yield 'an impossible time' => [
            '{"name":"channel_occupied","channel":"room","time_ms":9223372036854775807}', ChannelOccupied::class, ['channel' => 'room'],
        ];
    }

    public function test_the_whole_webhook_is_dispatched_first_and_its_events_in_order(): void
    {
        $this->webhook()->withId('msg_1')
            ->channelOccupied('presence-a')->memberAdded('presence-a', 7)->memberRemoved('presence-a', 7)->channelVacated('presence-a')
            ->post();

        $this->assertSame(
            [WebhookReceived::class, ChannelOccupied::class, MemberAdded::class, MemberRemoved::class, ChannelVacated::class],
            array_map(get_class(...), $this->received),
        );
        $this->assertSame(array_fill(0, 5, 'msg_1'), array_column($this->received, 'webhookId'));
        $this->assertSame('key-1', $this->received[0]->appKey);
        $this->assertSame('presence-a', $this->received[0]->payload['events'][0]['channel']);
    }

    public function test_an_event_has_its_own_time_or_that_of_the_webhook(): void
    {
        date_default_timezone_set('Europe/Amsterdam');

        try {
            $this->postSigned('{"time_ms":1700000000123,"events":[{"name":"a"},{"name":"b","time_ms":1700000000456}]}');
        } finally {
            date_default_timezone_set('UTC');
        }

        $this->assertSame(
            ['2023-11-14 23:13:20.123 Europe/Amsterdam', '2023-11-14 23:13:20.456 Europe/Amsterdam'],
            array_map(fn (WebhookEvent $event) => $event->time->format('Y-m-d H:i:s.v e'), $this->events()),
        );
    }

    public function test_a_webhook_without_a_time_has_the_current_time(): void
    {
        $this->freezeSecond();

        $this->postSigned('{"events":[{"name":"a"}]}')->assertNoContent();

        $this->assertEquals(CarbonImmutable::now(), $this->events()[0]->time);
    }

    public function test_a_webhook_without_events_is_valid(): void
    {
        $this->postSigned('{"time_ms":1700000000123,"events":[]}')->assertNoContent();

        $this->assertCount(1, $this->received);
    }

    #[DataProvider('noWebhooks')]
    public function test_a_signed_body_that_is_not_a_webhook_is_a_bad_request(string $body): void
    {
        $this->postSigned($body)->assertBadRequest();

        $this->assertSame([[], []], [$this->received, $this->rejected]);
    }

    /**
     * @return iterable<string, array{0: string}>
     */
    public static function noWebhooks(): iterable
    {
        yield 'nothing' => [''];
        yield 'not JSON' => ['{"time_ms":1700000000123,"events":['];
        yield 'a form' => ['time_ms=1700000000123'];
        yield 'invalid UTF-8' => ["{\"events\":[{\"name\":\"\xff\"}]}"];
        yield 'a number' => ['1'];
        yield 'null' => ['null'];
        yield 'a list' => ['[]'];
        yield 'no events' => ['{"time_ms":1700000000123}'];
        yield 'events by name' => ['{"events":{"a":{"name":"a"}}}'];
        yield 'events that are names' => ['{"events":["channel_occupied"]}'];
        yield 'deep nesting' => ['{"events":'.str_repeat('[', 600).str_repeat(']', 600).'}'];
    }

    public function test_events_are_immutable(): void
    {
        $event = new MemberAdded('key-1', ['channel' => 'presence-a', 'user_id' => '7']);

        foreach (['userId', 'channel', 'data', 'time', 'payload', 'appKey', 'id', 'name'] as $property) {
            try {
                $event->{$property} = null;
                $this->fail($property);
            } catch (Error) {
                $this->addToAssertionCount(1);
            }
        }
    }
}
