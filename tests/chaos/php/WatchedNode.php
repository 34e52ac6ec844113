<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\ResonateWebhooks\Hosts\Node;

/**
 * A node whose reconciler counts its intents.
 */
final class WatchedNode extends Node
{
    public CountingReconciler $counting;

    protected function start(array $config): void
    {
        parent::start($config);

        $this->reconciler = $this->counting = new CountingReconciler($this->engine, $this->host, $this->apps);
    }
}
