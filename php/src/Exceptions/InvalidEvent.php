<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use InvalidArgumentException;

/**
 * An event of the application's own cannot be sent as it is; the message says why.
 */
class InvalidEvent extends InvalidArgumentException implements WebhooksException
{
    //
}
