<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * An event of a connection.
 */
interface ConnectionEvent extends WebhookEvent
{
    /**
     * The socket ID of the connection.
     */
    public string $socketId { get; }
}
