<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * Redis could not be asked, or refused.
 */
class RedisFailed extends RuntimeException implements WebhooksException
{
    //
}
