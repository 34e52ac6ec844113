<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An endpoint answered 410 Gone. No server sends to it until it is resumed.
 */
class EndpointDisabled
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The URL, without userinfo and query.
     * @param  string  $reason  The response: `HTTP 410`.
     * @param  string  $endpoint  The ID of the endpoint.
     */
    public function __construct(
        public string $url,
        public string $reason,
        public string $endpoint = '',
    ) {
        //
    }
}
