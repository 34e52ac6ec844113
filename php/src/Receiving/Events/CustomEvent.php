<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A custom event, or one that this package does not know.
 */
class CustomEvent extends BaseEvent
{
    /**
     * The channel, if the event has one.
     */
    public ?string $channel {
        get => self::text($this->payload['channel'] ?? null);
    }

    /**
     * The decoded data.
     */
    public mixed $data {
        get => self::decoded($this->payload['data'] ?? null);
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return true;
    }
}
