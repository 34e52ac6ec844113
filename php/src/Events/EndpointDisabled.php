<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An endpoint has answered 410 Gone and gets nothing more, from any server, until it is resumed.
 */
class EndpointDisabled
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint, without userinfo and query.
     * @param  string  $reason  What it answered: `HTTP 410`.
     * @param  string  $endpoint  Its id.
     */
    public function __construct(
        public string $url,
        public string $reason,
        public string $endpoint = '',
    ) {
        //
    }
}
