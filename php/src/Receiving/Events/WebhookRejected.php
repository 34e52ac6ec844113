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
     * @param  Rejection  $reason  Why; the sender was not told.
     * @param  string|null  $appKey  Whose webhook it claims to be; true only of one that is stale.
     * @param  string|null  $ip  From where it came.
     */
    public function __construct(
        public readonly Rejection $reason,
        public readonly ?string $appKey,
        public readonly ?string $ip,
    ) {
        //
    }
}
