<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;
use Throwable;

/**
 * A valid event of the application's own was not sent; the message names the cause, the config key and the remedy.
 */
class EventNotSent extends RuntimeException implements WebhooksException
{
    /**
     * Name what keeps this process from sending.
     */
    public static function because(Throwable $e): static
    {
        return new static("the event was not sent: {$e->getMessage()}", previous: $e);
    }
}
