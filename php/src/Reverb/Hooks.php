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
 * The hooks that Reverb's objects call. They throw no exceptions.
 */
readonly class Hooks
{
    /**
     * The prefixes of Pusher's cache channels. Reverb treats every name that starts with `cache` as one.
     */
    private const string CACHE_CHANNEL = '/^(?:private-|presence-)?cache-/';

    /**
     * Create a new instance.
     *
     * @param  bool  $reportsConnections  False if the opening or the closing of connections cannot be detected.
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
     * Report a new connection. The engine ignores repeated reports, which a client can cause.
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
     * Report a closed connection. It has already left its channels.
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
     * Remember the `channel_data` of a subscription request.
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
     * Report a connection that was added to a channel.
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
     * Determine if a connection is on a channel. Returns true if this fails, since the engine ignores leaves of other connections.
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
     * Report a connection that was removed from a channel.
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
     * Report the cached payload, or the cache miss, that a subscriber was sent.
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
     * Hide the node in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
