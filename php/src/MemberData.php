<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use WeakMap;

/**
 * Pusher's `channel_data` of members, as the client sent it: hosts keep it decoded, where `{}` is a list.
 */
final class MemberData
{
    /**
     * The channel that each connection asks for, and the `channel_data` that it sends along.
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
     * Keep what a connection sends about its user before the host handles the subscription.
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
     * The `channel_data` of a connection that has just subscribed, as JSON; null where the channel has no users.
     *
     * @param  object  $connection  The host's own object, as is the next.
     */
    public function of(object $connection, string $channel, object $member): ?string
    {
        if (PresenceUser::idOn($channel, $member) === null) {
            return null;
        }

        [$name, $data] = $this->sent[$connection] ?? [null, null];

        unset($this->sent[$connection]);

        // A plugin may have subscribed the connection by itself.
        return $name === $channel ? $data : Json::ofClient($member->data());
    }

    /**
     * Keep the connections, whose applications have secrets, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['sent' => count($this->sent)];
    }
}
