<?php

declare(strict_types=1);

namespace Demo;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use Webpatser\ResonateWebhooks\Reverb\Hooks;

/**
 * The hooks of Reverb, with a line on stdout for each call.
 */
final readonly class ReportingHooks extends Hooks
{
    public function subscribed(Connection $connection, string $channel, ChannelConnectionManager $connections): void
    {
        HookReport::timed('subscribe', $connection, $channel, fn () => parent::subscribed($connection, $channel, $connections));
    }

    public function unsubscribed(Connection $connection, string $channel, ChannelConnectionManager $connections): void
    {
        HookReport::timed('unsubscribe', $connection, $channel, fn () => parent::unsubscribed($connection, $channel, $connections));
    }

    public function closed(Connection $connection): void
    {
        HookReport::timed('close', $connection, null, fn () => parent::closed($connection));
    }
}
