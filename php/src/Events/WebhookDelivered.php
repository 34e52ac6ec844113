<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An endpoint answered a webhook with a 2xx status.
 */
class WebhookDelivered
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint as configured, without userinfo: its query may be secret.
     * @param  int  $status  The HTTP status it answered.
     * @param  string  $appId  The application whose events were delivered.
     * @param  int  $attempts  Attempts made, the successful one included.
     * @param  string|null  $webhookId  The `webhook-id` of the request.
     * @param  string|null  $endpointId  The id of the endpoint, as `resonate-webhooks:status` shows it.
     * @param  int|null  $events  The number of events in the request.
     */
    public function __construct(
        public string $url,
        public int $status,
        public string $appId,
        public int $attempts,
        public ?string $webhookId = null,
        public ?string $endpointId = null,
        public ?int $events = null,
    ) {
        //
    }
}
