<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Event;
use RuntimeException;
use Webpatser\ResonateWebhooks\Receiving\Events\CacheMiss;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\ClientEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\CustomEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Events\SubscriptionCount;

/**
 * Webhooks of other servers, in their own formats.
 *
 * They have the two headers of Pusher only, and no ID.
 */
final class PeersTest extends ReceivingTestCase
{
    public function test_webhooks_of_pusher(): void
    {
        // A batch. Pusher sends bodies with or without spaces, and nothing may depend on that.
        $this->postAs('12345678901234567890', [], <<<'JSON'
            {
              "time_ms": 1327078148132,
              "events": [
                { "name": "channel_occupied", "channel": "test_channel" },
                { "name": "member_added", "channel": "presence-your_channel_name", "user_id": "a_user_id" },
                { "name": "client_event", "channel": "private-a", "event": "client-a", "data": "{\"a\":1}", "socket_id": "123.456" },
                { "name": "cache_miss", "channel": "cache-channel-name" },
                { "name": "subscription_count", "channel": "my-channel", "subscription_count": 2 }
              ]
            }
            JSON);

        $this->assertSame(
            [ChannelOccupied::class, MemberAdded::class, ClientEvent::class, CacheMiss::class, SubscriptionCount::class],
            array_map(get_class(...), $this->events()),
        );
        $this->assertSame(['a' => 1], $this->events()[2]->data);
        $this->assertSame('2012-01-20 16:49:08', $this->events()[0]->time->utc()->toDateTimeString());
    }

    public function test_webhooks_of_soketi(): void
    {
        // Its client events have decoded data, and its user IDs have the type that the application used.
        $this->postAs('app-key', ['Accept' => 'application/json', 'User-Agent' => 'SoketiWebhooksAxiosClient/1.0 (Process: 1)'], json_encode([
            'time_ms' => 1700000000123,
            'events' => [
                ['name' => 'client_event', 'channel' => 'presence-a', 'event' => 'client-a', 'data' => ['a' => ['b' => 1]], 'socket_id' => '123.456', 'user_id' => 7],
                ['name' => 'member_added', 'channel' => 'presence-a', 'user_id' => 7],
            ],
        ], JSON_UNESCAPED_SLASHES));

        $this->assertSame(['a' => ['b' => 1]], $this->events()[0]->data);
        $this->assertSame(['7', '7'], array_column($this->events(), 'userId'));
    }

    public function test_a_batch_of_soketi_that_is_empty_after_its_filter_is_refused(): void
    {
        $whole = '{"time_ms":1700000000123,"events":[{"name":"channel_occupied","channel":"a"}]}';

        $this->configure('secrets', ['app-key' => 'app-secret']);
        $this->postBody('{"time_ms":1700000000123,"events":[]}', [
            'X-Pusher-Key' => 'app-key', 'X-Pusher-Signature' => hash_hmac('sha256', $whole, 'app-secret'),
        ])->assertUnauthorized();
    }

    public function test_webhooks_of_sockudo(): void
    {
        // With tracing headers, a cache_miss with data, a client event without a socket ID, and event names of its own.
        $this->postAs('app-key', ['traceparent' => '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'], json_encode([
            'time_ms' => 1700000000123,
            'events' => [
                ['name' => 'cache_miss', 'channel' => 'cache-a', 'data' => '{}'],
                ['name' => 'client_event', 'channel' => 'private-a', 'event' => 'client-a', 'data' => ['a' => 1], 'socket_id' => null],
                ['name' => 'subscription_count', 'channel' => 'a', 'subscription_count' => 3],
                ['name' => 'member_updated', 'channel' => 'presence-a', 'user_id' => '7', 'user_info' => ['name' => 'Ann']],
            ],
        ]));

        $this->assertSame(
            [CacheMiss::class, ClientEvent::class, SubscriptionCount::class, CustomEvent::class],
            array_map(get_class(...), $this->events()),
        );
        $this->assertNull($this->events()[1]->socketId);
        $this->assertSame('Ann', $this->events()[3]->payload['user_info']['name']);
    }

    public function test_a_failure_gets_a_status_that_every_server_retries(): void
    {
        // Sockudo retries no other 4xx, and soketi retries nothing. Pusher retries every status, and this package every one but 410.
        $again = [408, 409, 425, 429, 500, 502, 503, 504];

        Event::listen(fn (ChannelOccupied $event) => throw new RuntimeException('the database is away'));

        $failed = $this->webhook()->channelOccupied('a')->post();
        $this->assertContains($failed->getStatusCode(), $again);

        Event::forget(ChannelOccupied::class);
        $webhook = $this->webhook()->channelOccupied('a');
        $meanwhile = null;
        Event::listen(function (ChannelOccupied $event) use ($webhook, &$meanwhile): void {
            $meanwhile ??= $webhook->post();
        });
        $webhook->post()->assertNoContent();

        $this->assertContains($meanwhile->getStatusCode(), $again);
    }

    /**
     * Post a body with Pusher's headers and additional ones.
     *
     * @param  array<string, string>  $headers
     */
    private function postAs(string $key, array $headers, string $body): void
    {
        $this->configure('secrets', [$key => 'app-secret']);
        $this->configure('pusher_only', [$key]);

        $this->postBody($body, [
            'Content-Type' => 'application/json',
            'X-Pusher-Key' => $key,
            'X-Pusher-Signature' => hash_hmac('sha256', $body, 'app-secret'),
            ...$headers,
        ])->assertNoContent();
    }
}
