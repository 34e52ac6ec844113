<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A webhook was given up after its last attempt.
 */
class WebhookDropped
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint as configured, without userinfo: its query may be secret.
     * @param  string  $appId  The application whose events were dropped.
     * @param  int  $attempts  Attempts made in all.
     * @param  string  $reason  The last failure: `HTTP 500`, or the transport error.
     * @param  string|null  $webhookId  The `webhook-id` of the request; null for an entry of the outbox that could not be read.
     * @param  string|null  $endpointId  The id of the endpoint; null for such an entry.
     * @param  int|null  $events  The number of events that were dropped.
     * @param  string|null  $deadLetterId  The id of the dead letter; null when none was kept, or Redis' answer was lost.
     */
    public function __construct(
        public string $url,
        public string $appId,
        public int $attempts,
        public string $reason,
        public ?string $webhookId = null,
        public ?string $endpointId = null,
        public ?int $events = null,
        public ?string $deadLetterId = null,
    ) {
        //
    }
}
