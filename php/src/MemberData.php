<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use WeakMap;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;

/**
 * Pusher's `channel_data` of members, as the client sent it: Resonate keeps it decoded, where `{}` is a list.
 */
final class MemberData
{
    /**
     * The channel that each connection asks for, and the `channel_data` that it sends along.
     *
     * @var WeakMap<Connection, array{string, string}>
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
     * Keep what a subscription says of its user.
     *
     * @param  array{event?: mixed, data?: mixed}  $event
     */
    public function arrived(Connection $from, array $event): void
    {
        if (($event['event'] ?? null) !== 'pusher:subscribe' || ! is_array($event['data'] ?? null)) {
            return;
        }

        ['channel' => $channel, 'channel_data' => $data] = $event['data'] + ['channel' => null, 'channel_data' => null];

        if (is_string($channel) && is_string($data)) {
            $this->sent[$from] = [$channel, $data];
        }
    }

    /**
     * The `channel_data` of a connection that has just subscribed, as JSON; null where the channel has no users.
     */
    public function of(Connection $connection, Channel $channel, ChannelConnection $member): ?string
    {
        if (PresenceUser::idOn($channel->name(), $member) === null) {
            return null;
        }

        [$name, $data] = $this->sent[$connection] ?? [null, null];

        unset($this->sent[$connection]);

        // A plugin may have subscribed the connection by itself.
        return $name === $channel->name() ? $data : Json::ofClient($member->data());
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
