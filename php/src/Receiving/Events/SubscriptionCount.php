<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * The number of subscribers of a channel changed.
 */
class SubscriptionCount extends BaseChannelEvent
{
    /**
     * The number of subscribers now.
     */
    public int $count {
        get => $this->payload['subscription_count'];
    }

    /**
     * Determine whether a payload has what this type requires.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && is_int($payload['subscription_count'] ?? null);
    }
}
