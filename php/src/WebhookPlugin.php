<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\Contracts\TickScheduler;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\CacheChannel;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Hosts\ResonateClientEvents;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;

/**
 * Reports the activity of Resonate's connections to the native engine, whose threads do everything else.
 *
 * List it after the roster plugin in `config/reverb.php`: hooks run in this
 * order, and the engine needs the roster's record of a subscription.
 */
class WebhookPlugin implements ConnectionLifecycle, MessageInterceptor, ServerPlugin, TickScheduler
{
    /**
     * The node of this process; null before boot.
     */
    protected ?Node $node = null;

    /**
     * Reports client events.
     */
    protected ResonateClientEvents $clientEvents;

    /**
     * Start the webhooks, or log why they cannot start.
     *
     * Resonate would catch an exception too, but its logger is silent unless
     * the server runs with `--debug`.
     */
    public function boot(PluginContext $context): void
    {
        if ($this->node === null) {
            $this->node = $this->makeNode($context);
            $this->clientEvents = new ResonateClientEvents($this->node, $context);
            $this->clientEvents->listen(app('events'));
        }

        $this->node->boot();
    }

    /**
     * Register the application of a connection that opened, and report the connection if an endpoint receives connection events.
     */
    public function onOpen(Connection $connection): void
    {
        $this->node?->opened($connection->app(), $connection->id());
    }

    /**
     * Report a connection that closed. The engine knows its subscriptions.
     */
    public function onClose(Connection $connection): void
    {
        $this->node?->engine?->closed($connection->app()->id(), $connection->id());
    }

    /**
     * Report a subscription, unless the connection left while the hook of another plugin was suspended.
     */
    public function onSubscribe(Connection $connection, Channel $channel): void
    {
        if ($this->node?->engine === null || ($member = $channel->find($connection)) === null) {
            return;
        }

        $this->node->subscribed($connection, $channel->name(), $member);

        if ($channel instanceof CacheChannel) {
            $this->node->caches?->subscribed($connection->app()->id(), $channel);
        }
    }

    /**
     * Report that a connection left a channel. The engine ignores a connection that never joined.
     */
    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        $this->node?->engine?->unsubscribed($connection->app()->id(), $channel->name(), $connection->id());
    }

    /**
     * Inspect a message. It is reported after every plugin has let it pass.
     *
     * @param  array{event?: mixed, channel?: mixed, data?: mixed}  $event
     */
    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        if ($this->node?->engine !== null) {
            $this->clientEvents->remember($from, $event);

            if ($this->node->memberData !== null && ($event['event'] ?? null) === 'pusher:subscribe') {
                $this->node->memberData->sent($from, $event['data']['channel'] ?? null, $event['data']['channel_data'] ?? null);
            }
        }

        return MessageDisposition::Relay;
    }

    /**
     * Get the timers of the node.
     *
     * @return array<int, array{interval: float, callback: callable(): void}>
     */
    public function ticks(): array
    {
        return $this->node?->ticks() ?? [];
    }

    /**
     * Create the node of this process.
     */
    protected function makeNode(PluginContext $context): Node
    {
        return new Node(new ResonateHost($context, app(ChannelManager::class)));
    }

    /**
     * Hide the node in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['booted' => $this->node?->engine !== null];
    }
}
