<?php

declare(strict_types=1);

/*
 * Loads Laravel Reverb: the real one if Composer has installed it or REVERB_AUTOLOAD names its autoloader, otherwise the
 * stand-ins. Both use React's event loop, from Composer's vendor folder or from the folder in RESONATE_WEBHOOKS_REACT, which
 * scripts/with-react sets. Require this file after bootstrap.php, whose `$autoload` it uses.
 */

use Laravel\Reverb\Application;
use React\EventLoop\Loop;

if (($autoloader = getenv('REVERB_AUTOLOAD')) !== false) {
    require_once $autoloader;
}

if (($react = getenv('RESONATE_WEBHOOKS_REACT')) !== false && ! class_exists(Loop::class)) {
    $autoload('React\\EventLoop\\', "{$react}/event-loop/src");
}

class_exists(Loop::class) || exit("React's event loop is missing: run the tests through scripts/with-react\n");

if (! class_exists(Application::class)) {
    $autoload('Laravel\\Reverb\\', dirname(__DIR__).'/Standins/Reverb');
}
