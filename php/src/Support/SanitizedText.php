<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Text that clients or endpoints chose. Views escape it as all text; here it loses the characters that are not seen, or
 * that would have what follows seen in another order.
 */
final class SanitizedText
{
    /**
     * The longest body that is shown, in bytes of its readable form.
     */
    public const int LONGEST = 1_048_576;

    private const string UNSEEN = '\x{00AD}\x{061C}\x{200B}\x{200E}\x{200F}\x{2028}-\x{202E}\x{2060}-\x{2069}\x{FEFF}';

    /**
     * One line of it, with such characters as JSON would write them.
     */
    public static function line(string $text): string
    {
        return self::told($text, '/[\p{Cc}'.self::UNSEEN.']/u');
    }

    /**
     * A JSON document, in lines and otherwise as it was sent; as it is when it is none.
     */
    public static function json(string $text): string
    {
        return self::told(mb_strcut(JsonText::indent($text), 0, self::LONGEST), '/(?!\n)[\p{Cc}'.self::UNSEEN.']/u');
    }

    /**
     * The text, with what a pattern finds written as numbers.
     */
    private static function told(string $text, string $unseen): string
    {
        return (string) preg_replace_callback($unseen, fn (array $found) => sprintf('\u%04x', mb_ord($found[0])), mb_scrub($text));
    }
}
