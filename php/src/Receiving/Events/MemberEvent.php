<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * The coming or going of a presence user.
 */
abstract class MemberEvent extends ChannelEvent
{
    /**
     * The user, numeric ids too as text.
     */
    public string $userId {
        get => (string) $this->payload['user_id'];
    }

    /**
     * The connection with which they came or went, where the sender tells it.
     */
    public ?string $socketId {
        get => self::text($this->payload['socket_id'] ?? null);
    }

    /**
     * What the application had said of them, decoded, where the sender tells it.
     */
    public mixed $data {
        get => self::decoded($this->payload['data'] ?? null);
    }

    /**
     * Whether a payload has all that an event of this type has to have.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && self::text($payload['user_id'] ?? null) !== null;
    }
}
