<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * The process runs without the `resonate_webhooks` extension.
 */
class ExtensionMissing extends RuntimeException implements WebhooksException
{
    /**
     * Create a new exception that names the ini file of this process.
     */
    public static function fromThisProcess(): static
    {
        return new static(sprintf(
            'the PHP extension resonate_webhooks is not loaded (expected "extension=resonate_webhooks" in %s)',
            php_ini_loaded_file() ?: 'a php.ini, but this process reads none',
        ));
    }
}
