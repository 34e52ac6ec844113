<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * Somebody has subscribed to a cache channel that has nothing to give them.
 */
class CacheMiss extends ChannelEvent
{
    //
}
