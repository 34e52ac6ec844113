<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

/**
 * Selects the class of a channel by its name. Resonate does not require the dash after "private" and "presence".
 */
class ChannelBroker
{
    protected const array KINDS = [
        'private-cache-' => PrivateCacheChannel::class,
        'presence-cache-' => PresenceCacheChannel::class,
        'cache' => CacheChannel::class,
        'private' => PrivateChannel::class,
        'presence' => PresenceChannel::class,
    ];

    public static function create(string $name): Channel
    {
        foreach (static::KINDS as $prefix => $kind) {
            if (str_starts_with($name, $prefix)) {
                return new $kind($name);
            }
        }

        return new Channel($name);
    }
}
