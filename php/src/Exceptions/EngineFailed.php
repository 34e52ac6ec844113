<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * The native engine could not start its threads.
 */
class EngineFailed extends RuntimeException implements WebhooksException
{
    //
}
