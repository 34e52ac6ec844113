<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use Throwable;

/**
 * Marks every exception this package throws.
 */
interface WebhooksException extends Throwable
{
    //
}
