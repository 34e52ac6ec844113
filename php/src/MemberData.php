<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use WeakMap;

/**
 * Keeps the `channel_data` of members as the client sent it. Hosts keep it decoded, which turns `{}` into a list.
 */
final class MemberData
{
    /**
     * The channel and `channel_data` of the subscription that a connection has requested.
     *
     * @var WeakMap<object, array{string, string}>
     */
    private WeakMap $sent;

    /**
     * Create a new instance.
     */
    public function __construct()
    {
        $this->sent = new WeakMap;
    }

    /**
     * Remember the `channel_data` of a subscription before the host handles it.
     *
     * @param  object  $connection  The host's own object.
     */
    public function sent(object $connection, mixed $channel, mixed $data): void
    {
        if (is_string($channel) && is_string($data)) {
            $this->sent[$connection] = [$channel, $data];
        }
    }

    /**
     * Get the `channel_data` of a connection that has just subscribed, as JSON; null if the channel has no users.
     *
     * @param  object  $connection  The host's own object, as is `$member`.
     */
    public function of(object $connection, string $channel, object $member): ?string
    {
        if (PresenceUser::idOn($channel, $member) === null) {
            return null;
        }

        [$name, $data] = $this->sent[$connection] ?? [null, null];

        unset($this->sent[$connection]);

        // A plugin may have subscribed the connection without a message.
        return $name === $channel ? $data : Json::ofClient($member->data());
    }

    /**
     * Hide the connections in dumps, since their applications have secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['sent' => count($this->sent)];
    }
}
