<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

/**
 * The reason why a webhook is not handled again.
 */
enum Duplicate
{
    /**
     * It has been handled.
     */
    case Handled;

    /**
     * Another process is handling it, or died less than `lock_for` ago.
     */
    case InProgress;
}
