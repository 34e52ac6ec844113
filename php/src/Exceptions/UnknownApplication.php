<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use InvalidArgumentException;
use Throwable;

/**
 * No application has this ID.
 */
class UnknownApplication extends InvalidArgumentException implements WebhooksException
{
    /**
     * Create a new exception for an ID.
     */
    public static function withId(string $id, ?Throwable $previous = null): static
    {
        return new static("there is no application with the id '{$id}'", previous: $previous);
    }
}
