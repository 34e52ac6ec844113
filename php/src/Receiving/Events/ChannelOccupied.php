<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * Somebody has subscribed to a channel on which there was nobody.
 */
class ChannelOccupied extends ChannelEvent
{
    //
}
