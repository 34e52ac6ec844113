<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * The last subscriber left a channel.
 */
class ChannelVacated extends BaseChannelEvent
{
    //
}
