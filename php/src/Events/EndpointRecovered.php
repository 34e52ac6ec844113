<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A failing endpoint accepted a batch.
 */
class EndpointRecovered
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The URL, without userinfo and query.
     * @param  int  $seconds  The seconds without a successful attempt.
     * @param  string  $endpoint  The ID of the endpoint.
     */
    public function __construct(
        public string $url,
        public int $seconds,
        public string $endpoint,
    ) {
        //
    }
}
