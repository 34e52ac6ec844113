<?php

declare(strict_types=1);

namespace Tests\Support;

use RuntimeException;

/**
 * The code in the Markdown files of this repository, as a reader would copy it.
 */
final class Docs
{
    /**
     * The text of a file.
     */
    public static function text(string $file): string
    {
        return (string) file_get_contents(dirname(__DIR__, 3).'/'.$file);
    }

    /**
     * The first block of code whose fence is marked so, or the first of those that has some text.
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
