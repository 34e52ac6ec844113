<?php

declare(strict_types=1);

namespace Tests\Chaos;

use Webpatser\ResonateWebhooks\Reconciler;

/**
 * The reconciler, counting the intents that it makes.
 */
final class CountingReconciler extends Reconciler
{
    public int $answers = 0;

    protected function answer(string $appId, string $channel): void
    {
        $this->answers++;

        parent::answer($appId, $channel);
    }
}
