<?php

declare(strict_types=1);

/*
 * Shows the webhooks of a cluster of two nodes, and checks every one of them:
 *
 *     make demo
 *     make demo ENDPOINT=http://127.0.0.1:9000/hook    your own receiver gets them too
 *
 * DEMO_SEED=n plays another evening. The exit status is 0 only if each event arrived exactly once
 * and every signature is right.
 */

require __DIR__.'/autoload.php';

use Demo\Demo;
use Demo\Process\Children;
use Demo\Screen;
use Illuminate\Filesystem\Filesystem;
use Revolt\EventLoop;

$screen = Screen::stdout();
$children = new Children;
$folder = sys_get_temp_dir().'/resonate-demo-'.getmypid();
mkdir($folder);

// However this ends, nothing stays behind.
register_shutdown_function(function () use ($children, $folder): void {
    $children->stop();
    new Filesystem()->deleteDirectory($folder);
});

foreach ([SIGINT, SIGTERM] as $signal) {
    EventLoop::unreference(EventLoop::onSignal($signal, fn () => exit(128 + $signal)));
}

try {
    $demo = new Demo($screen, $children, $folder, getenv('ENDPOINT') ?: null);

    exit($demo->run((int) (getenv('DEMO_SEED') ?: 1)) ? 0 : 1);
} catch (Throwable $e) {
    $screen->failure("demo: {$e->getMessage()}", $children->lastWords());

    exit(1);
}
