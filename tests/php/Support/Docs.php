<?php

declare(strict_types=1);

namespace Tests\Support;

use RuntimeException;

/**
 * Reads code from the Markdown files of this repository.
 */
final class Docs
{
    /**
     * Get the text of a file.
     */
    public static function text(string $file): string
    {
        return (string) file_get_contents(dirname(__DIR__, 3).'/'.$file);
    }

    /**
     * Get the first block of code in a language, or the first one that contains a text.
     */
    public static function code(string $file, string $mark, string $with = ''): string
    {
        preg_match_all('/^```'.preg_quote($mark, '/').'\n(.*?)^```$/ms', self::text($file), $blocks);

        foreach ($blocks[1] as $block) {
            if (str_contains($block, $with)) {
                return $block;
            }
        }

        throw new RuntimeException("{$file} has no such block of {$mark}");
    }
}
