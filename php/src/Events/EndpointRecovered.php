<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An endpoint that was told to be failing has taken a batch.
 */
class EndpointRecovered
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint, without userinfo and query.
     * @param  int  $seconds  For how long no attempt had succeeded.
     * @param  string  $endpoint  The endpoint's id.
     */
    public function __construct(
        public string $url,
        public int $seconds,
        public string $endpoint,
    ) {
        //
    }
}
