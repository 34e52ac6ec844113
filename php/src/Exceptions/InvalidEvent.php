<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use InvalidArgumentException;

/**
 * A custom event is invalid. The message says why.
 */
class InvalidEvent extends InvalidArgumentException implements WebhooksException
{
    //
}
