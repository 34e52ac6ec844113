<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * Something that happened to a connection.
 */
abstract class ConnectionEvent extends WebhookEvent
{
    /**
     * The connection.
     */
    public string $socketId {
        get => $this->payload['socket_id'];
    }

    /**
     * Whether a payload has all that an event of this type has to have.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return is_string($payload['socket_id'] ?? null);
    }
}
