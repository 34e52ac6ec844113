<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An endpoint gets nothing more, from any server, until somebody resumes it: it asked for that.
 */
class EndpointDisabled
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $url  The endpoint, without userinfo.
     * @param  string  $reason  What it answered: `HTTP 410`.
     */
    public function __construct(
        public string $url,
        public string $reason,
    ) {
        //
    }
}
