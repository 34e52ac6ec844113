<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\CacheChannel;
use Laravel\Reverb\Protocols\Pusher\Channels\Channel;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use RuntimeException;

/**
 * Handles the messages of the protocol.
 */
class EventHandler
{
    public function __construct(protected ChannelManager $channels)
    {
        //
    }

    /**
     * @param  array<string, mixed>  $payload
     */
    public function handle(Connection $connection, string $event, array $payload = []): void
    {
        match ($event) {
            'pusher:connection_established' => $this->acknowledge($connection),
            'pusher:subscribe' => $this->subscribe($connection, $payload['channel'], $payload['auth'] ?? null, $payload['channel_data'] ?? null),
            'pusher:unsubscribe' => $this->unsubscribe($connection, $payload['channel']),
            default => throw new RuntimeException("Unknown Pusher event: {$event}"),
        };
    }

    public function acknowledge(Connection $connection): void
    {
        $connection->send((string) json_encode(['event' => 'pusher:connection_established', 'data' => json_encode(['socket_id' => $connection->id()])]));
    }

    public function subscribe(Connection $connection, string $channel, ?string $auth = null, ?string $data = null): void
    {
        $found = $this->channels->for($connection->app())->findOrCreate($channel);
        $found->subscribe($connection, $auth, $data);

        $this->afterSubscribe($found, $connection);
    }

    protected function afterSubscribe(Channel $channel, Connection $connection): void
    {
        $connection->send((string) json_encode(['event' => 'pusher_internal:subscription_succeeded', 'channel' => $channel->name(), 'data' => json_encode((object) $channel->data())]));

        if ($channel instanceof CacheChannel) {
            $connection->send((string) json_encode($channel->cachedPayload() ?? ['event' => 'pusher:cache_miss', 'channel' => $channel->name()]));
        }
    }

    public function unsubscribe(Connection $connection, string $channel): void
    {
        $this->channels->for($connection->app())->find($channel)?->unsubscribe($connection);
    }
}
