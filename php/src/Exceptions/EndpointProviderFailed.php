<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;
use Throwable;

/**
 * The application's endpoint provider threw, or returned endpoints that cannot be used.
 */
class EndpointProviderFailed extends RuntimeException implements WebhooksException
{
    /**
     * Keep what the provider, or the check of its endpoints, has thrown.
     */
    public static function because(Throwable $e): static
    {
        return new static("the EndpointProvider of this application failed: {$e->getMessage()}", previous: $e);
    }
}
