<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Reconciler;

/**
 * A reconciler that counts its intents: one per channel, because all channels are small here.
 */
final class CountingReconciler extends Reconciler
{
    public int $intents = 0;

    protected function compareWhole(Application $app, string $channel): bool
    {
        $this->intents++;

        return parent::compareWhole($app, $channel);
    }
}
