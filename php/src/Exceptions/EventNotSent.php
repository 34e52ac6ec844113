<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;
use Throwable;

/**
 * A valid custom event was not sent. The message names the cause, the config key and the fix.
 */
class EventNotSent extends RuntimeException implements WebhooksException
{
    /**
     * Create a new exception for an error that prevents this process from sending.
     */
    public static function because(Throwable $e): static
    {
        return new static("the event was not sent: {$e->getMessage()}", previous: $e);
    }
}
