<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Webpatser\ResonateWebhooks\Receiving\Contracts\ConnectionEvent;

/**
 * The base of connection events.
 */
abstract class BaseConnectionEvent extends BaseEvent implements ConnectionEvent
{
    public string $socketId {
        get => $this->payload['socket_id'];
    }

    /**
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    public static function fits(array $payload): bool
    {
        return is_string($payload['socket_id'] ?? null);
    }
}
