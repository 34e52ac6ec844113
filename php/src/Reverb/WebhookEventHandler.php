<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\Channel;
use Laravel\Reverb\Protocols\Pusher\EventHandler;

/**
 * Reverb's event handler. Reports new connections, the `channel_data` of subscribers and cache misses.
 */
class WebhookEventHandler extends EventHandler
{
    /**
     * The hooks. They are not set by a constructor, because Reverb may change its own.
     */
    public ?Hooks $hooks = null;

    /**
     * Acknowledge the connection.
     */
    public function acknowledge(Connection $connection): void
    {
        parent::acknowledge($connection);

        $this->hooks?->opened($connection);
    }

    /**
     * Subscribe to the given channel.
     */
    public function subscribe(Connection $connection, string $channel, ?string $auth = null, ?string $data = null): void
    {
        $this->hooks?->subscribing($connection, $channel, $data);

        parent::subscribe($connection, $channel, $auth, $data);
    }

    /**
     * Carry out any actions that should be performed after a subscription.
     */
    protected function afterSubscribe(Channel $channel, Connection $connection): void
    {
        parent::afterSubscribe($channel, $connection);

        $this->hooks?->answered($connection, $channel);
    }
}
