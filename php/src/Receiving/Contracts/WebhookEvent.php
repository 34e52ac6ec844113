<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

use Carbon\CarbonImmutable;

/**
 * Any event of a webhook that was received. A listener on this contract hears all of them.
 */
interface WebhookEvent
{
    /**
     * The key of the application in which it happened.
     */
    public string $appKey { get; }

    /**
     * The name on the wire.
     */
    public string $name { get; }

    /**
     * The event as it stands in the webhook.
     *
     * @var array<string, mixed>
     */
    public array $payload { get; }

    /**
     * The time of the event by the sender's clock: its own `time_ms`, or that of its webhook, which is the time of the first event
     * in it.
     */
    public CarbonImmutable $time { get; }

    /**
     * The signed `webhook-id`, the same in a resend; null where the sender has none.
     */
    public ?string $webhookId { get; }

    /**
     * The event's own id, where the sender gives it one; the same in a resend.
     */
    public ?string $id { get; }
}
