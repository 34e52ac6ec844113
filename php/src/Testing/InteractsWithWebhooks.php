<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Illuminate\Foundation\Testing\Concerns\MakesHttpRequests;
use Illuminate\Testing\TestResponse;

/**
 * Lets a test send webhooks to the application, signed as a server would sign them.
 *
 * @mixin MakesHttpRequests
 */
trait InteractsWithWebhooks
{
    /**
     * Begin a webhook.
     */
    protected function webhook(): PendingWebhook
    {
        return new PendingWebhook($this->app, $this->call(...));
    }

    /**
     * Send a webhook with one event.
     *
     * @param  string  $name  The name on the wire: `channel_occupied`.
     * @param  array<string, mixed>  $attributes  What it says beside that.
     */
    protected function postWebhook(string $name, array $attributes = []): TestResponse
    {
        return $this->webhook()->with($name, $attributes)->post();
    }
}
