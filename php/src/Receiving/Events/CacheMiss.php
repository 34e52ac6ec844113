<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client subscribed to a cache channel that is empty.
 */
class CacheMiss extends BaseChannelEvent
{
    //
}
