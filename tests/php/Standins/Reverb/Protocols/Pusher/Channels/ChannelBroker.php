<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

/**
 * Selects the class of a channel by its name. Every name that starts with `cache` is a cache channel.
 */
class ChannelBroker
{
    public static function create(string $name): Channel
    {
        return match (true) {
            str_starts_with($name, 'private-cache-') => new PrivateCacheChannel($name),
            str_starts_with($name, 'presence-cache-') => new PresenceCacheChannel($name),
            str_starts_with($name, 'cache') => new CacheChannel($name),
            str_starts_with($name, 'private') => new PrivateChannel($name),
            str_starts_with($name, 'presence') => new PresenceChannel($name),
            default => new Channel($name),
        };
    }
}
