<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Carbon\CarbonImmutable;
use Illuminate\Support\Facades\Event;
use Tests\PluginTestCase;
use Tests\Support\FakeServer;
use Tests\Support\LaravelReceiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Facades\Webhooks;
use Webpatser\ResonateWebhooks\Receiving\Events\CustomEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Signature;

/**
 * A real engine that sends to a real Laravel application in another process over HTTP.
 */
final class OverTheWireTest extends PluginTestCase
{
    private const string BODY = '{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"room"}]}';

    private LaravelReceiver $receiver;

    /**
     * The number of 2xx responses.
     */
    private int $delivered = 0;

    protected function tearDown(): void
    {
        parent::tearDown();

        unset($this->receiver);
    }

    public function test_activity_of_clients_becomes_laravel_events_in_an_application_without_the_extension(): void
    {
        $this->receiver = new LaravelReceiver;
        $ann = $this->serveTo($this->receiver)->connect();
        $ann->join('presence-chat.42', 7)->whisper('presence-chat.42', 'client-typing', ['draft' => 'Hel'])->close();

        $this->awaitHandled('ChannelVacated');
        $received = $this->receiver->results();

        $this->assertSame(
            ['ChannelOccupied', 'MemberAdded', 'ClientEvent', 'MemberRemoved', 'ChannelVacated'],
            array_column($received, 'class'),
        );
        $this->assertSame(['key-1'], array_values(array_unique(array_column($received, 'app'))));
        $this->assertSame([false], array_values(array_unique(array_column($received, 'extension'))));
        $this->assertSame('{"draft":"Hel"}', $received[2]['payload']['data']);
        $this->assertStringStartsWith('msg_', $received[0]['webhook']);
    }

    public function test_all_fields_of_webhooks_arrive_as_properties(): void
    {
        $this->receiver = new LaravelReceiver;
        $ann = $this->serveTo($this->receiver, [
            'payload' => 'extended',
            'events' => ['member_added', 'connection_established', 'connection_terminated', 'order.*'],
        ])->connect();
        $ann->join('presence-room', 7);
        Webhooks::send('order.paid', app: '1', channel: 'orders', data: ['id' => 7]);

        $this->awaitHandled('MemberAdded');
        $this->awaitHandled('CustomEvent');
        $ann->close();
        $this->awaitHandled('ConnectionTerminated');

        $events = array_column($this->receiver->results(), null, 'class');
        $added = new MemberAdded('key-1', $events['MemberAdded']['payload'], CarbonImmutable::createFromTimestamp(0));

        $this->assertSame([$ann->id(), '7', 'Somebody'], [$added->socketId, $added->userId, $added->data['user_info']['name']]);
        $this->assertNotEmpty($added->id);
        $this->assertEqualsWithDelta(time(), $added->time->getTimestamp(), 60);
        $this->assertSame($ann->id(), $events['ConnectionEstablished']['payload']['socket_id']);
        $this->assertSame($ann->id(), $events['ConnectionTerminated']['payload']['socket_id']);

        $paid = new CustomEvent('key-1', $events['CustomEvent']['payload']);
        $this->assertSame(['order.paid', 'orders', ['id' => 7]], [$paid->name, $paid->channel, $paid->data]);
    }

    public function test_a_webhook_whose_listener_fails_is_resent_and_handled_once(): void
    {
        $this->receiver = new LaravelReceiver;
        $this->receiver->setListeners('fail');
        $ann = $this->serveTo($this->receiver)->connect()->subscribe('room');

        Wait::until(fn () => $this->receiver->results('failed'), 'a listener to fail');
        $this->receiver->setListeners('fail', enabled: false);
        $this->awaitHandled('ChannelOccupied');
        $ann->close();
        $this->awaitHandled('ChannelVacated');

        $this->assertSame($this->receiver->results('failed')[0]['webhook'], $this->receiver->results()[0]['webhook']);
        $this->assertCount(2, $this->receiver->results());
    }

    public function test_of_two_simultaneous_attempts_one_is_handled_and_one_is_rejected(): void
    {
        $this->receiver = new LaravelReceiver;
        $this->receiver->setListeners('wait');

        $first = $this->post('msg_1');
        Wait::until(fn () => $this->receiver->results('waits'), 'the listener to run');
        $this->assertSame(409, $this->receiver->status($this->post('msg_1')));

        $this->receiver->setListeners('wait', enabled: false);
        $this->assertSame(204, $this->receiver->status($first));
        $this->assertSame(204, $this->receiver->status($this->post('msg_1')));
        $this->assertCount(1, $this->receiver->results());
    }

    public function test_a_webhook_whose_process_died_is_handled_after_its_lock_expires(): void
    {
        $this->receiver = new LaravelReceiver(lockFor: 2);
        $this->receiver->setListeners('wait');

        $first = $this->post('msg_1');
        Wait::until(fn () => $this->receiver->results('waits'), 'the listener to run');
        $this->receiver->kill();
        $this->assertSame(0, $this->receiver->status($first));

        $this->receiver->setListeners('wait', enabled: false);
        $this->receiver->start();

        $statuses = [];
        Wait::until(function () use (&$statuses) {
            return ($statuses[] = $this->receiver->status($this->post('msg_1'))) !== 409;
        }, 'the lock to run out');

        $this->assertSame(204, end($statuses));
        $this->assertCount(1, $this->receiver->results());
    }

    public function test_signatures_in_several_header_lines_are_valid(): void
    {
        $this->receiver = new LaravelReceiver;

        foreach (["v1,bm9uZQ==\r\nwebhook-signature: RIGHT", "RIGHT\r\nwebhook-signature: v1,bm9uZQ==", "v1\r\nwebhook-signature: BYTES", 'v1,bm9uZQ==, RIGHT'] as $number => $lines) {
            $this->assertSame(204, $this->receiver->status($this->post("msg_{$number}", $lines)), $lines);
        }

        $this->assertSame(401, $this->receiver->status($this->post('msg_5', "v1,bm9uZQ==\r\nwebhook-signature: v2,BYTES")));
        $this->assertCount(4, $this->receiver->results());
    }

    public function test_a_replay_without_the_signed_headers_is_refused(): void
    {
        $this->receiver = new LaravelReceiver;

        $this->assertSame(204, $this->receiver->status($this->post('msg_1')));
        $this->assertSame(401, $this->receiver->status($this->receiver->post('/webhooks', array_slice($this->headers('msg_1'), 0, 3), self::BODY)));
        $this->assertCount(1, $this->receiver->results());
    }

    public function test_a_csrf_token_is_required_for_forms_only(): void
    {
        $this->receiver = new LaravelReceiver;

        $this->assertSame(419, $this->receiver->status($this->receiver->post('/form', [], '')));
        $this->assertSame(204, $this->receiver->status($this->post('msg_1')));
        $this->assertSame(401, $this->receiver->status($this->receiver->post('/webhooks', ['X-Pusher-Key' => 'key-1'], '{}')));
    }

    /**
     * Boot a server in this process that sends webhooks to a receiver.
     *
     * @param  array<string, mixed>  $endpoint
     */
    private function serveTo(LaravelReceiver $receiver, array $endpoint = []): FakeServer
    {
        $server = $this->serve(['endpoints' => [['url' => $receiver->url(), ...$endpoint]]]);

        Event::listen(function (WebhookDelivered $event): void {
            $this->delivered++;
        });

        return $server;
    }

    /**
     * Wait until an event has been handled and the server has the responses to all webhooks.
     */
    private function awaitHandled(string $class): void
    {
        Wait::until(
            fn () => in_array($class, array_column($this->receiver->results(), 'class'), true)
                && $this->delivered === count(array_unique(array_column($this->receiver->results(), 'webhook'))),
            fn () => "{$class}; heard: ".json_encode($this->receiver->results()).', log: '.json_encode($this->application?->log()),
        );
    }

    /**
     * Start to post a webhook without a server.
     *
     * @return resource
     */
    private function post(string $id, string $signatures = 'RIGHT'): mixed
    {
        $headers = $this->headers($id);
        $right = $headers['webhook-signature'];
        $headers['webhook-signature'] = str_replace(['RIGHT', 'BYTES'], [$right, substr($right, 3)], $signatures);

        return $this->receiver->post('/webhooks', $headers, self::BODY);
    }

    /**
     * Get the headers of a webhook, with those of Pusher and the content type first.
     *
     * @return array<string, string>
     */
    private function headers(string $id): array
    {
        return [
            'Content-Type' => 'application/json',
            'X-Pusher-Key' => 'key-1',
            'X-Pusher-Signature' => Signature::pusher(self::BODY, 'secret-1'),
            'webhook-id' => $id,
            'webhook-timestamp' => '1700000000',
            'webhook-signature' => Signature::standardWebhooks($id, '1700000000', self::BODY, 'secret-1'),
        ];
    }
}
