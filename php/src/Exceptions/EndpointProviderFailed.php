<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;
use Throwable;

/**
 * The application's endpoint provider threw an exception or returned invalid endpoints.
 */
class EndpointProviderFailed extends RuntimeException implements WebhooksException
{
    /**
     * Create a new exception from that of the provider or of the check of its endpoints.
     */
    public static function because(Throwable $e): static
    {
        return new static("the EndpointProvider of this application failed: {$e->getMessage()}", previous: $e);
    }
}
