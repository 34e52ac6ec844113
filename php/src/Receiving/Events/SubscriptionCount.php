<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * The number of subscribers of a channel changed.
 */
class SubscriptionCount extends BaseChannelEvent
{
    /**
     * The current number of subscribers.
     */
    public int $count {
        get => $this->payload['subscription_count'];
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && is_int($payload['subscription_count'] ?? null);
    }
}
