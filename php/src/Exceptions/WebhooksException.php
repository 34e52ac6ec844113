<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use Throwable;

/**
 * Every exception of this package implements this interface.
 */
interface WebhooksException extends Throwable
{
    //
}
