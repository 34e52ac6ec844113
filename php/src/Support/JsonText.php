<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Lays out a JSON document for reading. No value is decoded: numbers, escapes and empty objects stay as they were sent.
 */
final class JsonText
{
    /**
     * A string, an empty array or object, one of the signs between values, or any other value.
     */
    private const string TOKENS = '/"(?:[^"\\\\]++|\\\\.)*+"|\[\s*+]|\{\s*+}|[\[{]|[]}]|,|:|[^\s"\[\]{},:]++/s';

    /**
     * Indent it by four spaces; text that is no JSON stays as it is.
     */
    public static function indent(string $json): string
    {
        if (! json_validate($json)) {
            return $json;
        }

        $depth = 0;
        $laid = '';
        preg_match_all(self::TOKENS, $json, $tokens);

        foreach ($tokens[0] as $token) {
            $laid .= match (true) {
                $token === ',' => ','.self::line($depth),
                $token === ':' => ': ',
                $token === '[', $token === '{' => $token.self::line(++$depth),
                $token === ']', $token === '}' => self::line(--$depth).$token,
                $token[0] === '[', $token[0] === '{' => $token[0].$token[-1],
                default => $token,
            };
        }

        return $laid;
    }

    /**
     * A new line at a depth.
     */
    private static function line(int $depth): string
    {
        return "\n".str_repeat('    ', $depth);
    }
}
