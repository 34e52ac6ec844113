<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use InvalidArgumentException;
use Throwable;

/**
 * No application has this id, so that nobody could sign.
 */
class UnknownApplication extends InvalidArgumentException implements WebhooksException
{
    /**
     * Name the id.
     */
    public static function withId(string $id, ?Throwable $previous = null): static
    {
        return new static("there is no application with the id '{$id}'", previous: $previous);
    }
}
