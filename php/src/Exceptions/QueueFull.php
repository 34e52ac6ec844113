<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

/**
 * The queue of the engine is full.
 */
class QueueFull extends EventNotSent
{
    //
}
