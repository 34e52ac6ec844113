<?php

declare(strict_types=1);

/*
 * Loads the dependencies of the tests: Composer's vendor folder if it exists,
 * otherwise Debian's packages from PHP's include path. Without the real Resonate,
 * stand-ins have the names of its classes, of release 0.7 or of the one in
 * RESONATE_STANDIN.
 */

use Webpatser\Resonate\Application;

// The tests and their processes write into one folder. A shell removes it when PHP has ended, even if the test run is killed.
// PHP waits for that shell at its end.
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
    require_once 'Predis/autoload.php';
    require_once 'Revolt/EventLoop/autoload.php';
}

// The path of an autoloader for a checkout of the real Resonate outside of vendor.
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
