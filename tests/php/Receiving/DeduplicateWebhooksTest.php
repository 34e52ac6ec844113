<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Error;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\Date;
use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Route;
use RuntimeException;
use Throwable;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelVacated;
use Webpatser\ResonateWebhooks\Receiving\Middleware\DeduplicateWebhooks;
use Webpatser\ResonateWebhooks\Receiving\Middleware\VerifyWebhookSignature;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

final class DeduplicateWebhooksTest extends ReceivingTestCase
{
    public function test_a_resend_is_answered_and_not_handled_again(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');

        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();
        $this->webhook()->channelOccupied('room')->post()->assertNoContent();

        $this->assertCount(2, $this->events());
    }

    public function test_equal_ids_of_two_applications_are_two_webhooks(): void
    {
        $this->configure('secrets', ['a' => 'secret-a', 'b' => 'secret-b']);

        foreach (['a', 'b'] as $key) {
            $this->webhook()->withId('msg_1')->channelOccupied('room')->from($key)->post()->assertNoContent();
        }

        $this->assertSame(['a', 'b'], array_column($this->events(), 'appKey'));
    }

    public function test_an_unsigned_id_is_ignored(): void
    {
        $this->configure('pusher_only', 'key-1');
        $body = '{"time_ms":1,"events":[{"name":"channel_occupied","channel":"room"}]}';
        $signature = hash_hmac('sha256', $body, 'secret-1');

        foreach (range(1, 2) as $_) {
            $this->postBody($body, ['X-Pusher-Key' => 'key-1', 'X-Pusher-Signature' => $signature, 'webhook-id' => 'msg_1'])->assertNoContent();
        }

        $this->assertSame([null, null], array_column($this->events(), 'webhookId'));
    }

    public function test_a_webhook_whose_listener_failed_is_handled_in_a_resend(): void
    {
        $fail = true;

        Event::listen(function (ChannelVacated $event) use (&$fail): void {
            $fail && throw new RuntimeException('the database is away');
        });

        $webhook = $this->webhook()->channelOccupied('room')->channelVacated('room')->channelOccupied('room');

        $webhook->post()->assertServerError();
        $this->assertCount(1, $this->events(), 'no event after the failed one');

        $fail = false;

        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();
        $this->assertCount(1 + 3, $this->events());
    }

    public function test_a_webhook_with_a_response_other_than_2xx_is_handled_again(): void
    {
        $answers = [302, 410, 503, 200];

        Route::post('/own', function () use (&$answers) {
            return response(status: array_shift($answers));
        })->middleware([VerifyWebhookSignature::class, DeduplicateWebhooks::class]);

        $webhook = $this->webhook()->channelOccupied('room');

        foreach ([302, 410, 503, 200] as $status) {
            $webhook->post('/own')->assertStatus($status);
        }

        $webhook->post('/own')->assertNoContent();
        $this->assertSame([], $answers);
    }

    public function test_an_unhandled_exception_releases_the_lock_too(): void
    {
        $middleware = $this->app->make(DeduplicateWebhooks::class);
        $request = new Request;
        $request->attributes->set(Webhook::class, new Webhook('key-1', '{}', 'msg_1'));

        try {
            $middleware->handle($request, fn () => throw new Error('out of something'));
            $this->fail('the exception is gone');
        } catch (Throwable $e) {
            $this->assertSame('out of something', $e->getMessage());
        }

        $this->assertSame(202, $middleware->handle($request, fn () => response(status: 202))->getStatusCode());
    }

    public function test_a_resend_is_rejected_while_the_webhook_is_handled(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');
        $meanwhile = null;

        Event::listen(function (ChannelOccupied $event) use ($webhook, &$meanwhile): void {
            $meanwhile ??= $webhook->post();
        });

        $webhook->post()->assertNoContent();

        $meanwhile->assertConflict();
        $webhook->post()->assertNoContent();
        $this->assertCount(1, $this->events());
    }

    public function test_an_expired_lock_does_not_release_that_of_the_next_attempt(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');
        $times = 0;

        Event::listen(function (ChannelOccupied $event) use ($webhook, &$times): void {
            if ($times++ === 0) {
                $this->travel(21)->seconds();
                $webhook->post()->assertNoContent();

                throw new RuntimeException('too late');
            }
        });

        $webhook->post()->assertServerError();
        $webhook->post()->assertNoContent();
        $this->assertSame(2, $times);
    }

    public function test_a_webhook_of_a_dead_process_is_handled_after_the_lock_expires(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');
        $note = null;

        Event::listen(function (ChannelOccupied $event) use (&$note): void {
            $note = $this->notes()[0];
        });

        $webhook->post()->assertNoContent();
        Cache::put($note, 'of a process that died', 20);

        $webhook->post()->assertConflict();
        $this->travel(21)->seconds();
        $webhook->post()->assertNoContent();

        $this->assertCount(2, $this->events());
    }

    public function test_a_webhook_is_forgotten_after_dedupe_for(): void
    {
        $this->configure('dedupe_for', 60);
        $webhook = $this->webhook()->channelOccupied('room');

        $webhook->post()->assertNoContent();
        $this->travel(59)->seconds();
        $webhook->post()->assertNoContent();
        $this->travel(2)->seconds();
        $webhook->post()->assertNoContent();

        $this->assertCount(2, $this->events());
    }

    public function test_a_webhook_with_a_future_timestamp_is_remembered_while_its_timestamp_is_valid(): void
    {
        $this->freezeSecond();
        $this->configure('tolerance', 300);
        $this->configure('dedupe_for', 300);
        $webhook = $this->webhook()->channelOccupied('room')->at(Date::now()->addSeconds(300));

        $webhook->post()->assertNoContent();
        $this->travel(599)->seconds();
        $webhook->post()->assertNoContent();
        $this->assertCount(1, $this->events());

        $this->travel(2)->seconds();
        $webhook->post()->assertUnauthorized();
    }

    public function test_nothing_is_remembered_without_deduplication(): void
    {
        $this->configure('dedupe_for', 0);
        $webhook = $this->webhook()->channelOccupied('room');

        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();

        $this->assertCount(2, $this->events());
        $this->assertSame([], $this->notes());
    }

    public function test_a_store_that_keeps_nothing_loses_no_webhook(): void
    {
        config(['cache.stores.null' => ['driver' => 'null']]);
        $this->configure('store', 'null');
        $webhook = $this->webhook()->channelOccupied('room');

        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();

        $this->assertCount(2, $this->events());
    }

    public function test_the_configured_store_is_used(): void
    {
        config(['cache.stores.other' => ['driver' => 'array']]);
        $this->configure('store', 'other');

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();

        $this->assertSame([], $this->notes());
        $this->assertCount(1, Cache::store('other')->getStore()->all());
    }

    public function test_the_cache_contains_neither_ids_nor_keys(): void
    {
        $this->webhook()->withId("msg_\r\n*")->channelOccupied('room')->post()->assertNoContent();

        $this->assertMatchesRegularExpression('/^resonate-webhooks:[0-9a-f]{64}$/', $this->notes()[0]);
    }

    /**
     * Get the content of the cache.
     *
     * @return list<string>
     */
    private function notes(): array
    {
        return array_keys(Cache::store('array')->getStore()->all());
    }
}
