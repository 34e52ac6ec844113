<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Event;
use RuntimeException;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;

final class HandleWebhookJobTest extends ReceivingTestCase
{
    public function test_a_job_dispatches_the_events_that_the_route_would(): void
    {
        $this->freezeSecond();
        $webhook = $this->webhook()->channelOccupied('presence-room')->memberAdded('presence-room', 7);

        $this->assertTrue($webhook->withId('msg_1')->work());
        $this->assertSame([WebhookReceived::class, ChannelOccupied::class, MemberAdded::class], array_map(get_class(...), $this->received));
        $this->assertSame(['msg_1', 'key-1'], [$this->received[2]->webhookId, $this->received[2]->appKey]);

        $ofJob = $this->received;
        $this->received = [];
        $webhook->withId('msg_2')->post()->assertNoContent();
        $this->assertSame(array_column($ofJob, 'payload'), array_column($this->received, 'payload'));
    }

    public function test_a_webhook_is_handled_once_however_it_arrives(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');

        $this->assertTrue($webhook->work());
        $this->assertTrue($webhook->work());
        $webhook->post()->assertNoContent();

        $this->assertCount(1, $this->events());
    }

    public function test_a_job_whose_listener_failed_is_handled_in_a_retry(): void
    {
        $fail = true;
        Event::listen(function (ChannelOccupied $event) use (&$fail): void {
            $fail && throw new RuntimeException('the database is away');
        });
        $webhook = $this->webhook()->channelOccupied('room');

        try {
            $webhook->work();
            $this->fail('the worker must learn of the exception');
        } catch (RuntimeException $e) {
            $this->assertSame('the database is away', $e->getMessage());
        }

        $fail = false;
        $this->assertTrue($webhook->work());
        $this->assertCount(1, $this->events());
    }

    public function test_a_job_is_released_while_the_webhook_is_handled(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');
        $meanwhile = null;
        Event::listen(function (ChannelOccupied $event) use ($webhook, &$meanwhile): void {
            $meanwhile ??= $webhook->work();
        });

        $this->assertTrue($webhook->work());
        $this->assertFalse($meanwhile);
        $this->assertCount(1, $this->events());
    }
}
