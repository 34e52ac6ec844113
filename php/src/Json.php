<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use JsonException;
use Webpatser\ResonateWebhooks\Exceptions\InvalidEvent;

/**
 * Encodes values as the JSON strings that webhooks carry, in the way of JavaScript's `JSON.stringify()`.
 */
final class Json
{
    private const int FLAGS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;

    /**
     * Encode a value that a client sent and the host decoded, without the parts that cannot be encoded; null if none can be.
     */
    public static function ofClient(mixed $value): ?string
    {
        return json_encode($value, self::FLAGS | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR) ?: null;
    }

    /**
     * Encode a value of the application.
     *
     * @throws InvalidEvent
     */
    public static function ofApplication(mixed $value): string
    {
        try {
            return json_encode($value, self::FLAGS | JSON_THROW_ON_ERROR);
        } catch (JsonException $e) {
            throw new InvalidEvent("the data cannot be encoded as JSON: {$e->getMessage()}", previous: $e);
        }
    }
}
