<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Sanitizes text that clients or endpoints chose. Views escape HTML as usual; this class escapes characters that are
 * invisible or reorder the text around them.
 */
final class SanitizedText
{
    /**
     * The maximum length of an indented body, in bytes.
     */
    public const int MAX_BYTES = 1_048_576;

    private const string INVISIBLE = '\x{00AD}\x{061C}\x{200B}\x{200E}\x{200F}\x{2028}-\x{202E}\x{2060}-\x{2069}\x{FEFF}';

    /**
     * Sanitize text for one line.
     */
    public static function line(string $text): string
    {
        return self::escape($text, '/[\p{Cc}'.self::INVISIBLE.']/u');
    }

    /**
     * Indent and sanitize a JSON document; other text is only sanitized.
     */
    public static function json(string $text): string
    {
        return self::escape(mb_strcut(JsonText::indent($text), 0, self::MAX_BYTES), '/(?!\n)[\p{Cc}'.self::INVISIBLE.']/u');
    }

    /**
     * Escape the characters that a pattern matches, as JSON would.
     */
    private static function escape(string $text, string $pattern): string
    {
        return (string) preg_replace_callback($pattern, fn (array $match) => sprintf('\u%04x', mb_ord($match[0])), mb_scrub($text));
    }
}
