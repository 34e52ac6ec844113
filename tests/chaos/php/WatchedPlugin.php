<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The plugin, with a view of how many orders Redis has decided.
 */
final class WatchedPlugin extends WebhookPlugin
{
    /**
     * Undecided orders: the number of each, and the number of intents after it.
     *
     * @var list<array{0: int, 1: int}>
     */
    private array $waiting = [];

    private int $intents = 0;

    /**
     * Record an order, which became one intent.
     */
    public function recordOrder(int $order): void
    {
        $this->waiting[] = [$order, ++$this->intents + $this->node->counting->intents];
    }

    /**
     * Return the last order that Redis has decided, if there is a new one.
     *
     * The log is read first, so that a line about the node's own reaping comes before later decisions.
     */
    public function decided(): ?int
    {
        $this->node->reporter->poll();

        // One order at a time: the number of intents was read before the number of claims.
        ['intents' => $taken, 'pending_claims' => $pending_claims] = $this->node->engine->stats();
        $decided = null;

        while ($pending_claims === 0 && $this->waiting !== [] && $this->waiting[0][1] <= $taken) {
            [$decided] = array_shift($this->waiting);
        }

        return $decided;
    }

    /**
     * Return the number of undecided intents and claims.
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
