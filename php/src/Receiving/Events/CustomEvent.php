<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * An event with a name of the application's own, or one that this package does not know.
 */
class CustomEvent extends BaseEvent
{
    /**
     * The channel, if it is on one.
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
     * Determine whether a payload has what this type requires.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return true;
    }
}
