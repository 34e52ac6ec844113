<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The plugin, with a window through which one sees how far Redis has judged what it was told.
 */
final class WatchedPlugin extends WebhookPlugin
{
    /**
     * Of each order that is not judged: its number, and the intents there were after it.
     *
     * @var list<array{0: int, 1: int}>
     */
    private array $waiting = [];

    private int $intents = 0;

    /**
     * Take note of an order that became one intent.
     */
    public function noted(int $order): void
    {
        $this->waiting[] = [$order, ++$this->intents + $this->node->counting->answers];
    }

    /**
     * The last of the orders of which Redis has judged everything, if there is a new one.
     *
     * What is logged is heard first: that the node was taken for dead comes before what was judged afterwards.
     */
    public function judged(): ?int
    {
        $this->node->reporter->poll();

        // One by one: the number of intents was read before what they led to.
        ['intents' => $taken, 'pending_claims' => $pending_claims] = $this->node->engine->stats();
        $judged = null;

        while ($pending_claims === 0 && $this->waiting !== [] && $this->waiting[0][1] <= $taken) {
            [$judged] = array_shift($this->waiting);
        }

        return $judged;
    }

    /**
     * How much of what it was told is not judged.
     */
    public function left(): int
    {
        ['queued_intents' => $intents, 'pending_claims' => $pending_claims] = $this->node->engine->stats();

        return $intents + $pending_claims;
    }

    protected function makeNode(PluginContext $context): Node
    {
        return new WatchedNode(new ResonateHost($context, app(ChannelManager::class)));
    }
}
