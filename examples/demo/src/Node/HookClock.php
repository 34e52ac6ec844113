<?php

declare(strict_types=1);

namespace Demo\Node;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * A plugin listed after the one that is shown: it tells the demo when that one is through with a hook.
 */
final class HookClock implements ConnectionLifecycle, MessageInterceptor, ServerPlugin
{
    public function boot(PluginContext $context): void {}

    public function onOpen(Connection $connection): void
    {
        Reports::hook('open', $connection->id());
    }

    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        Reports::hook('subscribe', $connection->id(), $channel->name());
    }

    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        Reports::hook('unsubscribe', $connection->id(), $channel->name());
    }

    public function onClose(Connection $connection): void
    {
        Reports::hook('close', $connection->id());
    }

    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        if (str_starts_with($event['event'], 'client-')) {
            Reports::hook('whisper', $from->id(), $event['channel']);
        }

        return MessageDisposition::Relay;
    }
}
