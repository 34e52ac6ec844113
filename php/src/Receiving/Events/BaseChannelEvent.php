<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Webpatser\ResonateWebhooks\Receiving\Contracts\ChannelEvent;

/**
 * The base of events of channels.
 */
abstract class BaseChannelEvent extends BaseEvent implements ChannelEvent
{
    public string $channel {
        get => $this->payload['channel'];
    }

    /**
     * Determine whether a payload has what this type requires.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return is_string($payload['channel'] ?? null);
    }
}
