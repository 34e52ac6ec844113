<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * Calls what warns where it fails, without the warning. Pest shows a warning that an `@` silences.
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
