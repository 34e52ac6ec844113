<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

/**
 * So many events wait for the engine's threads that this one was not taken.
 */
class QueueFull extends EventNotSent
{
    //
}
