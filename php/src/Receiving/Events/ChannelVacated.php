<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * The last subscriber has left a channel.
 */
class ChannelVacated extends ChannelEvent
{
    //
}
