<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

/**
 * A client has connected.
 */
class ConnectionEstablished extends ConnectionEvent
{
    //
}
