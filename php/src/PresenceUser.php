<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

/**
 * Identifies the user of a connection on a channel.
 */
final class PresenceUser
{
    /**
     * Get the user ID of a connection; null if the channel has no users.
     *
     * Only presence channels authenticate users. On a public channel, nothing
     * verifies the `channel_data` that a client sends.
     *
     * @param  object  $member  The host's own object, with `data(?string $key): mixed`.
     */
    public static function idOn(string $channel, object $member): ?string
    {
        // The condition of areOn(), inlined to save each hook a call.
        if (! str_starts_with($channel, 'presence-')) {
            return null;
        }

        $id = $member->data('user_id');

        return is_scalar($id) && ($id = (string) $id) !== '' ? $id : null;
    }

    /**
     * Determine if connections on a channel have users.
     */
    public static function areOn(string $channel): bool
    {
        return str_starts_with($channel, 'presence-');
    }
}
