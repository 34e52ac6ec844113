<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Server;

/**
 * Reverb's server. Reports closed connections.
 */
class WebhookServer extends Server
{
    /**
     * The hooks. They are not set by a constructor, because Reverb may change its own.
     */
    public ?Hooks $hooks = null;

    /**
     * Handle a client disconnection.
     */
    public function close(Connection $connection): void
    {
        try {
            parent::close($connection);
        } finally {
            $this->hooks?->closed($connection);
        }
    }
}
