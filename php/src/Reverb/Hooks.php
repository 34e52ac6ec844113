<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\CacheChannel;
use Laravel\Reverb\Protocols\Pusher\Channels\Channel;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Throwable;
use Webpatser\ResonateWebhooks\Hosts\Node;

/**
 * The hooks that Reverb's objects call. No exception leaves them.
 */
final readonly class Hooks
{
    /**
     * The prefixes of Pusher's cache channels. For Reverb every name that begins with `cache` is one.
     */
    private const string CACHE_CHANNEL = '/^(?:private-|presence-)?cache-/';

    /**
     * Create a new instance.
     *
     * @param  bool  $reportsConnections  Whether both the opening and the closing of connections can be seen.
     */
    public function __construct(
        private Node $node,
        private LiveChannels $channels,
        private Guard $guard,
        private bool $reportsConnections = true,
    ) {
        //
    }

    /**
     * A connection was accepted. A client can ask for that again; the engine ignores it.
     */
    public function opened(Connection $connection): void
    {
        try {
            if ($this->reportsConnections) {
                $this->node->opened($connection->app(), $connection->id());
            }
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * A connection was closed. It has left its channels before.
     */
    public function closed(Connection $connection): void
    {
        try {
            $this->node->engine?->closed($connection->app()->id(), $connection->id());
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * A connection asks for a channel, with this `channel_data`.
     */
    public function subscribing(Connection $connection, string $channel, ?string $data): void
    {
        try {
            $this->node->memberData?->sent($connection, $channel, $data);
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * A connection was added to a channel.
     */
    public function subscribed(Connection $connection, string $channel, ChannelConnectionManager $connections): void
    {
        try {
            $this->channels->joined($connection->app()->id(), $channel, $connections);

            if ($this->node->engine !== null && ($member = $connections->find($connection)) !== null) {
                $this->node->subscribed($connection, $channel, $member);
            }
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * Determine if a connection is on a channel. In doubt it is: the engine ignores a leave of one that was not.
     */
    public function isMember(Connection $connection, ChannelConnectionManager $connections): bool
    {
        try {
            return $connections->find($connection) !== null;
        } catch (Throwable $e) {
            $this->guard->report($e);

            return true;
        }
    }

    /**
     * A connection was removed from a channel.
     */
    public function unsubscribed(Connection $connection, string $channel, ChannelConnectionManager $connections): void
    {
        try {
            $appId = $connection->app()->id();

            $this->channels->left($appId, $channel, $connections);
            $this->node->engine?->unsubscribed($appId, $channel, $connection->id());
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * A subscriber was sent the cached payload of a channel, or a cache miss.
     */
    public function answered(Connection $connection, Channel $channel): void
    {
        try {
            if ($channel instanceof CacheChannel && preg_match(self::CACHE_CHANNEL, $channel->name())) {
                $this->node->caches?->subscribed($connection->app()->id(), $channel);
            }
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * Keep what hangs on the node, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
