<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

/**
 * What webhooks carry as a JSON document within a string.
 */
final class Json
{
    /**
     * As JavaScript would write it, and never with an exception.
     */
    private const int FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION
        | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR;

    /**
     * Write a value; null where nothing of it can be expressed.
     */
    public static function text(mixed $value): ?string
    {
        return json_encode($value, self::FLAGS) ?: null;
    }
}
