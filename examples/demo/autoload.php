<?php

declare(strict_types=1);

/*
 * Loads the packages and the support classes of the tests, and the demo's own classes. Where Resonate is installed, in the
 * vendor folder or by RESONATE_AUTOLOAD, the nodes serve with it; otherwise with the tests' stand-in.
 */

require_once dirname(__DIR__, 2).'/tests/php/bootstrap.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Demo\\')) {
        require __DIR__.'/src/'.substr($class, strlen('Demo\\')).'.php';
    }
});
