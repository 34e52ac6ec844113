<?php

declare(strict_types=1);

/*
 * Loads everything the tests need: Composer's vendor folder where there is one,
 * otherwise Debian's packages from PHP's include path. Without the real Resonate
 * the stand-ins take the names of its classes, of release 0.7 or of the one that
 * RESONATE_STANDIN names.
 */

use Webpatser\Resonate\Application;

// What the tests and their processes write goes into one folder. PHP waits at its end for the shell that removes it, and a
// test run that is killed does not keep that shell from it.
if (getenv('RESONATE_WEBHOOKS_TESTS') === false) {
    $folder = (getenv('TMPDIR') ?: '/tmp').'/webhooks-tests-'.bin2hex(random_bytes(4));
    mkdir($folder);
    putenv("RESONATE_WEBHOOKS_TESTS={$folder}");
    putenv("TMPDIR={$folder}");
    $GLOBALS['temporary'] = [proc_open(['sh', '-c', 'trap "" INT TERM; cat >/dev/null; rm -rf -- "$1"', 'sh', $folder], [['pipe', 'r']], $pipes), $pipes];
}

$root = dirname(__DIR__, 2);

if (is_file("{$root}/vendor/autoload.php")) {
    require_once "{$root}/vendor/autoload.php";
} else {
    require_once 'Illuminate/autoload.php';
    require_once 'Revolt/EventLoop/autoload.php';
}

// A checkout of the real Resonate outside of vendor, by the path of an autoloader for it.
if (($autoloader = getenv('RESONATE_AUTOLOAD')) !== false) {
    require_once $autoloader;
}

$autoload = static function (string $namespace, string $folder): void {
    spl_autoload_register(static function (string $class) use ($namespace, $folder): void {
        if (str_starts_with($class, $namespace)) {
            $file = $folder.'/'.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';

            if (is_file($file)) {
                require_once $file;
            }
        }
    });
};

$autoload('Webpatser\\ResonateWebhooks\\', "{$root}/php/src");
$autoload('Tests\\', __DIR__);

if (! class_exists(Application::class)) {
    if (getenv('RESONATE_STANDIN') === '0.4') {
        $autoload('Webpatser\\Resonate\\', __DIR__.'/Standins/Resonate04');
    }

    $autoload('Webpatser\\Resonate\\', __DIR__.'/Standins/Resonate');
}
