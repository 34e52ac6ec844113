<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client sent an event to the others on a channel.
 */
class ClientEvent extends BaseChannelEvent
{
    /**
     * The name that the client gave it, such as `client-typing`.
     */
    public string $event {
        get => $this->payload['event'];
    }

    /**
     * The decoded data of the client, null without any.
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
     * The user that sent it, on a presence channel.
     */
    public ?string $userId {
        get => self::text($this->payload['user_id'] ?? null);
    }

    /**
     * Determine whether a payload has what this type requires.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return parent::fits($payload) && is_string($payload['event'] ?? null);
    }
}
