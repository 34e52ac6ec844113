<?php

declare(strict_types=1);

namespace Demo;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The plugin, with a line on stdout for each hook.
 */
final class ReportingPlugin extends WebhookPlugin
{
    public function boot(PluginContext $context): void
    {
        parent::boot($context);

        // The plugin's own listener runs before this one, so the client event has been handled when it is reported.
        app('events')->listen(MessageReceived::class, HookReport::clientEvent(...));
    }

    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        HookReport::timed('subscribe', $connection, $channel->name(), fn () => parent::onSubscribe($connection, $channel));
    }

    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        HookReport::timed('unsubscribe', $connection, $channel->name(), fn () => parent::onUnsubscribe($connection, $channel));
    }

    public function onClose(Connection $connection): void
    {
        HookReport::timed('close', $connection, null, fn () => parent::onClose($connection));
    }

    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        return HookReport::timed('message', $from, null, fn () => parent::onMessage($from, $event));
    }
}
