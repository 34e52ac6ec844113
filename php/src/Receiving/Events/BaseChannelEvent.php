<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Webpatser\ResonateWebhooks\Receiving\Contracts\ChannelEvent;

/**
 * The base of channel events.
 */
abstract class BaseChannelEvent extends BaseEvent implements ChannelEvent
{
    public string $channel {
        get => $this->payload['channel'];
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return is_string($payload['channel'] ?? null);
    }
}
