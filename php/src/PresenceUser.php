<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;

/**
 * Who a connection is on a channel.
 */
final class PresenceUser
{
    /**
     * The user id behind a connection, or null where the channel has none.
     *
     * Only presence channels prove who somebody is: on a public channel the
     * client may send any `channel_data` it likes and nobody checks it.
     */
    public static function idOn(string $channel, ChannelConnection $member): ?string
    {
        if (! self::areOn($channel)) {
            return null;
        }

        $id = $member->data('user_id');

        return is_scalar($id) && ($id = (string) $id) !== '' ? $id : null;
    }

    /**
     * Whether connections on a channel have users.
     */
    public static function areOn(string $channel): bool
    {
        return str_starts_with($channel, 'presence-');
    }
}
