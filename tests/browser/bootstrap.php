<?php

declare(strict_types=1);

/*
 * Loads the bootstrap of the PHP tests and the classes of this folder.
 */

require dirname(__DIR__).'/php/bootstrap.php';

spl_autoload_register(static function (string $class): void {
    if (str_starts_with($class, 'Tests\\Browser\\') && is_file($file = __DIR__.'/'.substr($class, 14).'.php')) {
        require_once $file;
    }
});
