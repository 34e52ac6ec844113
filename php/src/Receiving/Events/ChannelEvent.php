<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * Something that happened on a channel.
 */
abstract class ChannelEvent extends WebhookEvent
{
    /**
     * The channel.
     */
    public string $channel {
        get => $this->payload['channel'];
    }

    /**
     * Whether a payload has all that an event of this type has to have.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return is_string($payload['channel'] ?? null);
    }
}
