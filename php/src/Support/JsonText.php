<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Indents JSON documents without decoding them, which preserves numbers, escapes and empty objects.
 */
final class JsonText
{
    /**
     * Matches a string, an empty array or object, a structural character, or any other value.
     */
    private const string TOKENS = '/"(?:[^"\\\\]++|\\\\.)*+"|\[\s*+]|\{\s*+}|[\[{]|[]}]|,|:|[^\s"\[\]{},:]++/s';

    /**
     * Indent a document by four spaces. Text that is not JSON is returned unchanged.
     */
    public static function indent(string $json): string
    {
        if (! json_validate($json)) {
            return $json;
        }

        $depth = 0;
        $indented = '';
        preg_match_all(self::TOKENS, $json, $tokens);

        foreach ($tokens[0] as $token) {
            $indented .= match (true) {
                $token === ',' => ','.self::line($depth),
                $token === ':' => ': ',
                $token === '[', $token === '{' => $token.self::line(++$depth),
                $token === ']', $token === '}' => self::line(--$depth).$token,
                $token[0] === '[', $token[0] === '{' => $token[0].$token[-1],
                default => $token,
            };
        }

        return $indented;
    }

    /**
     * Start a new line at a depth.
     */
    private static function line(int $depth): string
    {
        return "\n".str_repeat('    ', $depth);
    }
}
