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
     * Create a new exception that names the SAPI and the folder of its ini files.
     */
    public static function fromThisProcess(): static
    {
        return new static(sprintf(
            'the PHP extension resonate_webhooks is not loaded in the %s SAPI (expected "extension=resonate_webhooks" in %s)',
            PHP_SAPI,
            PHP_CONFIG_FILE_SCAN_DIR ?: php_ini_loaded_file() ?: 'a php.ini, but this process reads none',
        ));
    }
}
