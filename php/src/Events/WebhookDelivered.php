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
     * @param  string  $url  The URL as configured, without userinfo. Its query may be secret.
     * @param  int  $status  The HTTP status of the response.
     * @param  string  $appId  The ID of the application.
     * @param  int  $attempts  The number of attempts, including the successful one.
     * @param  string|null  $webhookId  The `webhook-id` of the request.
     * @param  string|null  $endpointId  The ID of the endpoint, as shown by `resonate-webhooks:status`.
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
