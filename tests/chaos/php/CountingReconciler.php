<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Reconciler;

/**
 * The reconciler, counting the intents that it makes: one a channel, for all are small here.
 */
final class CountingReconciler extends Reconciler
{
    public int $answers = 0;

    protected function compareWhole(Application $app, string $channel): bool
    {
        $this->answers++;

        return parent::compareWhole($app, $channel);
    }
}
