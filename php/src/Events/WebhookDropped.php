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
     */
    public function __construct(
        public string $url,
        public string $appId,
        public int $attempts,
        public string $reason,
    ) {
        //
    }
}
