<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client disconnected.
 */
class ConnectionTerminated extends BaseConnectionEvent
{
    //
}
