<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;

/**
 * Reverb's connection manager. Reports changes to a channel's connections.
 */
class WebhookChannelConnections extends ArrayChannelConnectionManager
{
    /**
     * Create a new instance.
     */
    public function __construct(protected Hooks $hooks)
    {
        //
    }

    /**
     * Add a connection.
     */
    public function add(Connection $connection, array $data): void
    {
        parent::add($connection, $data);

        $this->hooks->subscribed($connection, $this->name, $this);
    }

    /**
     * Remove a connection. When a connection closes, this is called on every channel of the application.
     */
    public function remove(Connection $connection): void
    {
        if (isset($this->connections[$connection->id()])) {
            parent::remove($connection);

            $this->hooks->unsubscribed($connection, $this->name, $this);
        }
    }
}
