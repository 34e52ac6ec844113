<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * The loaded extension has another minor version than this package.
 */
class ExtensionMismatch extends RuntimeException implements WebhooksException
{
    /**
     * Name both versions and the remedy.
     */
    public static function between(string $extension, string $package): static
    {
        return new static(
            "the PHP extension resonate_webhooks has version {$extension}, but the Composer package is for {$package}: install releases of the same minor version, and restart the servers",
        );
    }
}
