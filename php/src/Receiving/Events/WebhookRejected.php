<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Rejection;

/**
 * A request to the webhook URL was rejected.
 */
class WebhookRejected
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  Rejection  $reason  The reason. It is not sent to the sender.
     * @param  string|null  $appKey  The key that the request names. It is verified if the reason has a fix.
     * @param  string|null  $ip  The address of the sender.
     */
    public function __construct(
        public readonly Rejection $reason,
        public readonly ?string $appKey,
        public readonly ?string $ip,
    ) {
        //
    }
}
