<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * Calls a function without its warnings. Pest shows even warnings that `@` silences.
 */
final class Quietly
{
    public static function call(callable $function, mixed ...$arguments): mixed
    {
        set_error_handler(static fn () => true);

        try {
            return $function(...$arguments);
        } finally {
            restore_error_handler();
        }
    }
}
