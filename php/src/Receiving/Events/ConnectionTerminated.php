<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client is gone.
 */
class ConnectionTerminated extends ConnectionEvent
{
    //
}
