<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A channel got its first subscriber.
 */
class ChannelOccupied extends BaseChannelEvent
{
    //
}
