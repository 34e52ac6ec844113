<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

/**
 * Chooses the kind of a channel by its name; "private" and "presence" do without their dash here.
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
