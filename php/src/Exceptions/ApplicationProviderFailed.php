<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;
use Throwable;

/**
 * The host's provider of applications threw an exception other than that for an unknown application.
 */
class ApplicationProviderFailed extends RuntimeException implements WebhooksException
{
    /**
     * Create a new exception from that of the provider.
     */
    public static function because(Throwable $e): static
    {
        return new static("the provider of applications failed: {$e->getMessage()}", previous: $e);
    }
}
