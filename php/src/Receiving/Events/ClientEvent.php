<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client sent an event to the others on a channel.
 */
class ClientEvent extends BaseChannelEvent
{
    /**
     * The name of the client event, such as `client-typing`.
     */
    public string $event {
        get => $this->payload['event'];
    }

    /**
     * The decoded data of the client; null without any.
     */
    public mixed $data {
        get => self::decoded($this->payload['data'] ?? null);
    }

    /**
     * The socket ID of the sender.
     */
    public ?string $socketId {
        get => self::text($this->payload['socket_id'] ?? null);
    }

    /**
     * The user ID of the sender, on a presence channel.
     */
    public ?string $userId {
        get => self::text($this->payload['user_id'] ?? null);
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && is_string($payload['event'] ?? null);
    }
}
