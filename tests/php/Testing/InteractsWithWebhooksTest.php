<?php

declare(strict_types=1);

namespace Tests\Testing;

use Illuminate\Support\Facades\Date;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Route;
use RuntimeException;
use Tests\Receiving\ReceivingTestCase;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\ClientEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Middleware\VerifyWebhookSignature;

/**
 * The trait for tests of applications, which the other tests of receiving use too.
 */
final class InteractsWithWebhooksTest extends ReceivingTestCase
{
    public function test_one_event_needs_one_call(): void
    {
        Event::fake([MemberAdded::class]);

        $this->postWebhook('member_added', ['channel' => 'presence-chat.42', 'user_id' => '7'])->assertNoContent();

        Event::assertDispatched(fn (MemberAdded $event) => $event->channel === 'presence-chat.42' && $event->userId === '7');
    }

    public function test_a_batch_has_the_format_of_the_engine(): void
    {
        $body = null;
        Route::post('/own', function () use (&$body) {
            $body = request()->getContent();
        })->middleware(VerifyWebhookSignature::class);

        $this->webhook()->at(Date::createFromTimestampMs(1700000000000))
            ->channelOccupied('presence-a/ü')
            ->memberAdded('presence-a/ü', 7)
            ->clientEvent('presence-a/ü', 'client-typing', ['draft' => 'Hel', 'at' => 1.0], '1.2', 7)
            ->clientEvent('private-a', 'client-gone')
            ->memberRemoved('presence-a/ü', '7')
            ->channelVacated('presence-a/ü')
            ->with('order_shipped', ['channel' => 'orders'])
            ->post('/own')->assertOk();

        $this->assertSame(
            '{"time_ms":1700000000000,"events":['.implode(',', [
                '{"name":"channel_occupied","channel":"presence-a/ü"}',
                '{"name":"member_added","channel":"presence-a/ü","user_id":"7"}',
                '{"name":"client_event","channel":"presence-a/ü","event":"client-typing","data":"{\"draft\":\"Hel\",\"at\":1.0}","socket_id":"1.2","user_id":"7"}',
                '{"name":"client_event","channel":"private-a","event":"client-gone","socket_id":"1.1"}',
                '{"name":"member_removed","channel":"presence-a/ü","user_id":"7"}',
                '{"name":"channel_vacated","channel":"presence-a/ü"}',
                '{"name":"order_shipped","channel":"orders"}',
            ]).']}',
            $body,
        );
    }

    public function test_a_webhook_that_is_posted_again_is_a_resend(): void
    {
        $webhook = $this->webhook()->clientEvent('private-a', 'client-a');

        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();
        $webhook->withId('msg_another')->post()->assertNoContent();

        $this->assertContainsOnlyInstancesOf(ClientEvent::class, $this->events());
        $this->assertCount(2, $this->events());
    }

    public function test_a_wrong_secret_and_an_old_timestamp_can_be_tested(): void
    {
        $this->configure('tolerance', 300);

        $this->webhook()->channelOccupied('room')->from('key-1', 'guessed')->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->at(Date::now()->subDay())->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->withPusherHeadersOnly()->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->post()->assertNoContent();

        $this->assertCount(1, $this->events());
    }

    public function test_the_webhooks_of_pusher_have_no_id(): void
    {
        $this->configure('pusher_only', 'key-1');

        $this->webhook()->channelOccupied('room')->withPusherHeadersOnly()->post()->assertNoContent();

        $this->assertEquals([null], array_map(fn (ChannelOccupied $event) => $event->webhookId, $this->events()));
    }

    public function test_an_application_without_a_secret_is_named(): void
    {
        $this->expectException(RuntimeException::class);
        $this->expectExceptionMessage('No secret found for application key [nobody].');

        $this->webhook()->channelOccupied('room')->from('nobody')->post();
    }

    public function test_a_project_without_secrets_gets_the_fix(): void
    {
        config(['reverb.apps.apps' => []]);

        $this->expectException(RuntimeException::class);
        $this->expectExceptionMessage('No application has a secret. Set one with from().');

        $this->postWebhook('channel_occupied', ['channel' => 'room']);
    }
}
