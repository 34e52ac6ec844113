<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use RuntimeException;

/**
 * Relays client events. The sender is looked up in the current application of the channel manager.
 */
class ClientEvent
{
    /**
     * @param  array<string, mixed>  $event
     */
    public static function handle(Connection $connection, array $event): void
    {
        if (! is_string($event['channel'] ?? null) || ! is_array($event['data'] ?? [])) {
            throw new RuntimeException('The client event is invalid.');
        }

        if (! str_starts_with($event['event'], 'client-')) {
            return;
        }

        $channels = app(ChannelManager::class);
        $accepts = $connection->app()->acceptClientEventsFrom();

        $refused = match ($accepts) {
            'all' => null,
            'members' => $channels->find($event['channel'])?->find($connection) === null ? 4009 : null,
            default => 4301,
        };

        if ($refused !== null) {
            $connection->send((string) json_encode(['event' => 'pusher:error', 'data' => json_encode(['code' => $refused])]));

            return;
        }

        if ($accepts === 'members') {
            unset($event['channels']);
        }

        foreach ((array) ($event['channels'] ?? $event['channel']) as $channel) {
            $channels->for($connection->app())->find($channel)?->broadcast(['channel' => $channel] + $event, $connection);
        }
    }
}
