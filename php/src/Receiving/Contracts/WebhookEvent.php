<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

use Carbon\CarbonImmutable;

/**
 * An event of a received webhook. A listener on this contract receives all of them.
 */
interface WebhookEvent
{
    /**
     * The key of the application.
     */
    public string $appKey { get; }

    /**
     * The name in the webhook.
     */
    public string $name { get; }

    /**
     * The event in the webhook.
     *
     * @var array<string, mixed>
     */
    public array $payload { get; }

    /**
     * The time of the event by the sender's clock: its own `time_ms`, or that of its webhook, which is the time of the first
     * event.
     */
    public CarbonImmutable $time { get; }

    /**
     * The signed `webhook-id`, the same in a resend; null if the sender includes none.
     */
    public ?string $webhookId { get; }

    /**
     * The ID of the event, if the sender includes one; the same in a resend.
     */
    public ?string $id { get; }
}
