<?php

declare(strict_types=1);

namespace Tests\Support;

use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use Laravel\Reverb\Protocols\Pusher\Server;

/**
 * A scripted client of Reverb.
 */
final class ReverbClient extends FakeClient
{
    public function __construct(Server $server, string $appKey)
    {
        parent::__construct($server, new ReverbConnection($server, app(ApplicationProvider::class)->findByKey($appKey)));
    }

    /**
     * Disconnect, or be disconnected, as by the HTTP API or a signal.
     */
    public function close(): void
    {
        $this->connection->disconnect();
    }

    /**
     * Subscribe to many channels within one iteration of the loop.
     */
    public function flood(int $channels): void
    {
        for ($n = 0; $n < $channels; $n++) {
            $this->subscribe("flood-{$n}");
        }
    }

    /**
     * Prune the client: remove it from all channels, then disconnect it.
     */
    public function prune(): void
    {
        app(ChannelManager::class)->for($this->connection->app())->unsubscribeFromAll($this->connection);

        $this->connection->disconnect();
    }
}
