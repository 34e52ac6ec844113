<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Rejection;

/**
 * A request to the URL of the webhooks was refused.
 */
class WebhookRejected
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  Rejection  $reason  The reason, which the sender does not learn.
     * @param  string|null  $appKey  The application that it claims to be of. The claim is true where the reason has a remedy.
     * @param  string|null  $ip  The address that it came from.
     */
    public function __construct(
        public readonly Rejection $reason,
        public readonly ?string $appKey,
        public readonly ?string $ip,
    ) {
        //
    }
}
