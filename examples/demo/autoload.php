<?php

declare(strict_types=1);

/*
 * Loads what the demo needs: the packages that the tests use too (RESONATE_AUTOLOAD or the vendor
 * folder gives the real Resonate, otherwise there are stand-ins for it), and the demo's own classes.
 */

require_once dirname(__DIR__, 2).'/tests/php/bootstrap.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Demo\\')) {
        require __DIR__.'/src/'.strtr(substr($class, strlen('Demo\\')), '\\', '/').'.php';
    }
});
