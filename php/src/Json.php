<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use JsonException;
use Webpatser\ResonateWebhooks\Exceptions\InvalidEvent;

/**
 * What webhooks carry as a JSON document within a string: as JavaScript would write it.
 */
final class Json
{
    private const int FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;

    /**
     * Write what a client sent and the host has decoded, as far as it can be expressed; null where nothing of it can.
     */
    public static function ofClient(mixed $value): ?string
    {
        return json_encode($value, self::FLAGS | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR) ?: null;
    }

    /**
     * Write what the application hands over, all of it.
     *
     * @throws InvalidEvent
     */
    public static function ofApplication(mixed $value): string
    {
        try {
            return json_encode($value, self::FLAGS | JSON_THROW_ON_ERROR);
        } catch (JsonException $e) {
            throw new InvalidEvent("the data cannot be written as JSON: {$e->getMessage()}", previous: $e);
        }
    }
}
