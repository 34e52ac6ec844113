<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

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
     *
     * @param  object  $member  The host's own object, with `data(?string $key): mixed`.
     */
    public static function idOn(string $channel, object $member): ?string
    {
        // As areOn() says; a call less in each hook.
        if (! str_starts_with($channel, 'presence-')) {
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
