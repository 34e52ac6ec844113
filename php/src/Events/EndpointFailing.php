<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * A batch for an endpoint has failed three times, or for thirty seconds, or was given up: fired once until it recovers, by each node that sees it.
 */
class EndpointFailing
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint, without userinfo and query.
     * @param  string  $reason  What was wrong with the last attempt: `HTTP 500`, or what went wrong on the way.
     * @param  int  $seconds  For how long no attempt has succeeded.
     * @param  string  $endpoint  The endpoint's id, by which it can be paused.
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
