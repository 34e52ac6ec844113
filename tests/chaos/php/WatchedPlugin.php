<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Hosts\ResonateHost;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The plugin, with a watched node.
 */
final class WatchedPlugin extends WebhookPlugin
{
    public function watched(): WatchedNode
    {
        return $this->node;
    }

    protected function makeNode(PluginContext $context): Node
    {
        return new WatchedNode(new ResonateHost($context, app(ChannelManager::class)));
    }
}
