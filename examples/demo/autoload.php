<?php

declare(strict_types=1);

/*
 * Loads the packages, the support classes of the tests, and the classes of the demo. If the host is installed, in the vendor
 * folder or through RESONATE_AUTOLOAD or REVERB_AUTOLOAD, the nodes run on it, otherwise on the tests' stand-in.
 */

require_once dirname(__DIR__, 2).'/tests/php/bootstrap.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Demo\\')) {
        require __DIR__.'/src/'.substr($class, strlen('Demo\\')).'.php';
    }
});
