<?php

declare(strict_types=1);

use Illuminate\Contracts\Foundation\Application;
use Illuminate\Log\Events\MessageLogged;

require dirname(__DIR__).'/php/bootstrap.php';

$autoload('Tests\\Soak\\', __DIR__);

/**
 * Write the log of an application to stderr.
 */
function logToStderr(Application $laravel): void
{
    $laravel['events']->listen(MessageLogged::class, static function (MessageLogged $logged): void {
        fwrite(STDERR, date('H:i:s')." {$logged->level} {$logged->message}\n");
    });
}
