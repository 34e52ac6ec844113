<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;

/**
 * Decorates a connection manager that the application has bound, and reports changes to a channel's connections.
 */
final class DecoratedChannelConnections implements ChannelConnectionManager
{
    /**
     * The channel name.
     */
    private string $name;

    /**
     * Create a new instance.
     */
    public function __construct(private ChannelConnectionManager $inner, private readonly Hooks $hooks)
    {
        //
    }

    /**
     * Get a channel connection manager for the given channel name.
     */
    public function for(string $name): ChannelConnectionManager
    {
        $this->name = $name;
        $this->inner = $this->inner->for($name);

        return $this;
    }

    /**
     * Add a connection.
     */
    public function add(Connection $connection, array $data): void
    {
        $this->inner->add($connection, $data);

        $this->hooks->subscribed($connection, $this->name, $this);
    }

    /**
     * Remove a connection. When a connection closes, this is called on every channel of the application.
     */
    public function remove(Connection $connection): void
    {
        $isMember = $this->hooks->isMember($connection, $this->inner);

        $this->inner->remove($connection);

        if ($isMember) {
            $this->hooks->unsubscribed($connection, $this->name, $this);
        }
    }

    /**
     * Find a connection.
     */
    public function find(Connection $connection): ?ChannelConnection
    {
        return $this->inner->find($connection);
    }

    /**
     * Find a connection by its ID.
     */
    public function findById(string $id): ?ChannelConnection
    {
        return $this->inner->findById($id);
    }

    /**
     * Get all of the connections.
     *
     * @return array<string, ChannelConnection>
     */
    public function all(): array
    {
        return $this->inner->all();
    }

    /**
     * Determine if the channel has no connections.
     */
    public function isEmpty(): bool
    {
        return $this->inner->isEmpty();
    }

    /**
     * Flush the channel connection manager.
     */
    public function flush(): void
    {
        $this->inner->flush();
    }
}
