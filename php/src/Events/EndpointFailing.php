<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A batch failed three times, failed for 30 seconds, or became a dead letter. Each node that sends to the endpoint fires
 * this once until the endpoint recovers.
 */
class EndpointFailing
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The URL, without userinfo and query.
     * @param  string  $reason  The failure of the last attempt: `HTTP 500`, or the transport error.
     * @param  int  $seconds  The seconds without a successful attempt.
     * @param  string  $endpoint  The ID of the endpoint, which can be used to pause it.
     */
    public function __construct(
        public string $url,
        public string $reason,
        public int $seconds,
        public string $endpoint,
    ) {
        //
    }
}
