<?php

declare(strict_types=1);

namespace Demo\Process;

/**
 * Where PHP finds the extension.
 */
final class Extension
{
    /**
     * What to add to the command line of a node: the library that RESONATE_WEBHOOKS_EXTENSION names,
     * or the one built last in this checkout, or nothing, where php.ini loads it.
     *
     * @return list<string>
     */
    public static function arguments(): array
    {
        $library = getenv('RESONATE_WEBHOOKS_EXTENSION') ?: self::builtHere();

        return $library === null ? [] : ['-d', "extension={$library}"];
    }

    private static function builtHere(): ?string
    {
        $target = dirname(__DIR__, 4).'/target';
        $libraries = glob("{$target}/{,sid/}release/libresonate_webhooks.{so,dylib}", GLOB_BRACE) ?: [];
        usort($libraries, fn (string $a, string $b) => filemtime($b) <=> filemtime($a));

        return $libraries[0] ?? null;
    }
}
