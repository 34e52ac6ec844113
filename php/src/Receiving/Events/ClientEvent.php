<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client has sent an event to the others on a channel.
 */
class ClientEvent extends ChannelEvent
{
    /**
     * The client's name for it: `client-typing`.
     */
    public string $event {
        get => $this->payload['event'];
    }

    /**
     * What the client sent along, decoded; null when that was nothing.
     */
    public mixed $data {
        get => self::decoded($this->payload['data'] ?? null);
    }

    /**
     * The connection that sent it.
     */
    public ?string $socketId {
        get => self::text($this->payload['socket_id'] ?? null);
    }

    /**
     * The user who sent it, on a presence channel.
     */
    public ?string $userId {
        get => self::text($this->payload['user_id'] ?? null);
    }

    /**
     * Whether a payload has all that an event of this type has to have.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && is_string($payload['event'] ?? null);
    }
}
