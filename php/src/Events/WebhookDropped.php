<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A webhook failed its last attempt and will not be retried.
 */
class WebhookDropped
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The URL as configured, without userinfo. Its query may be secret.
     * @param  string  $appId  The ID of the application.
     * @param  int  $attempts  The number of attempts.
     * @param  string  $reason  The last failure: `HTTP 500`, or the transport error.
     * @param  string|null  $webhookId  The `webhook-id` of the request; null for an entry of the outbox that could not be read.
     * @param  string|null  $endpointId  The ID of the endpoint; null for such an entry.
     * @param  int|null  $events  The number of events in the webhook.
     * @param  string|null  $deadLetterId  The ID of the dead letter; null if none was kept, or the response of Redis was lost.
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
