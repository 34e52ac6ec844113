<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Server;

/**
 * Reverb's server; reports closed connections.
 */
class WebhookServer extends Server
{
    /**
     * The hooks to call. No constructor sets them: Reverb may change its own.
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
