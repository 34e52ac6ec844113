<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Illuminate\Foundation\Testing\Concerns\MakesHttpRequests;
use Illuminate\Testing\TestResponse;

/**
 * Sends signed webhooks to the application in tests.
 *
 * @mixin MakesHttpRequests
 */
trait InteractsWithWebhooks
{
    /**
     * Start building a webhook.
     */
    protected function webhook(): PendingWebhook
    {
        return new PendingWebhook($this->app, $this->call(...));
    }

    /**
     * Send a webhook with one event.
     *
     * @param  string  $name  The name in the webhook: `channel_occupied`.
     * @param  array<string, mixed>  $attributes  The other fields.
     */
    protected function postWebhook(string $name, array $attributes = []): TestResponse
    {
        return $this->webhook()->with($name, $attributes)->post();
    }
}
