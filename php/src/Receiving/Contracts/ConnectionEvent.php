<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * Any event of a connection.
 */
interface ConnectionEvent extends WebhookEvent
{
    /**
     * The socket id of the connection.
     */
    public string $socketId { get; }
}
