<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * Redis is unreachable, or refused a request.
 */
class RedisFailed extends RuntimeException implements WebhooksException
{
    //
}
