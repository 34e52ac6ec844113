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
 * Tells the native engine what Resonate's connections do; everything else happens on its threads.
 *
 * List it after the roster plugin in `config/reverb.php`: hooks run in that
 * order, and the engine looks for the roster's record of a subscription.
 */
class WebhookPlugin implements ConnectionLifecycle, MessageInterceptor, ServerPlugin, TickScheduler
{
    /**
     * The engine in this process and what surrounds it; null before boot.
     */
    protected ?Node $node = null;

    /**
     * Reports client events.
     */
    protected ResonateClientEvents $clientEvents;

    /**
     * Start the webhooks, or log in one line why there are none.
     *
     * Resonate would catch an exception too, but its own logger is silent
     * unless the server runs with `--debug`.
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
     * Note the application of a connection that opened, and hand the connection over if anybody asked for that.
     */
    public function onOpen(Connection $connection): void
    {
        $this->node?->opened($connection->app(), $connection->id());
    }

    /**
     * Hand over everything a closing connection still held; the engine remembers what that was.
     */
    public function onClose(Connection $connection): void
    {
        $this->node?->engine?->closed($connection->app()->id(), $connection->id());
    }

    /**
     * Hand over a subscription, unless the connection left while another plugin's hook was waiting.
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
     * Hand over that a connection left a channel; the engine ignores one that never joined it.
     */
    public function onUnsubscribe(Connection $connection, Channel $channel): void
    {
        $this->node?->engine?->unsubscribed($connection->app()->id(), $channel->name(), $connection->id());
    }

    /**
     * Look at a message; it is reported when every plugin has let it pass.
     *
     * @param  array{event?: mixed, channel?: mixed, data?: mixed}  $event
     */
    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        if ($this->node?->engine !== null) {
            $this->clientEvents->arrived($from, $event);

            if ($this->node->memberData !== null && ($event['event'] ?? null) === 'pusher:subscribe') {
                $this->node->memberData->sent($from, $event['data']['channel'] ?? null, $event['data']['channel_data'] ?? null);
            }
        }

        return MessageDisposition::Relay;
    }

    /**
     * Get the timers that do the rest of the work.
     *
     * @return array<int, array{interval: float, callback: callable(): void}>
     */
    public function ticks(): array
    {
        return $this->node?->ticks() ?? [];
    }

    /**
     * Make the node of this process.
     */
    protected function makeNode(PluginContext $context): Node
    {
        return new Node(new ResonateHost($context, app(ChannelManager::class)));
    }

    /**
     * Keep what hangs on the node, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['booted' => $this->node?->engine !== null];
    }
}
