<?php

declare(strict_types=1);

/*
 * What the benchmarks share. They run on the classes that the tests use: real Redis and real
 * endpoints, Resonate itself where it is installed and stand-ins for it elsewhere.
 */

use Tests\Support\Process;
use Tests\Support\Receiver;

require_once __DIR__.'/figures.php';
require_once dirname(__DIR__).'/tests/php/bootstrap.php';

if (! extension_loaded('resonate_webhooks') && getenv('RESONATE_AUTOLOAD') === false) {
    fwrite(STDERR, "run it with -d extension=..., the library that `make build` names\n");

    exit(1);
}

/**
 * The URL of a receiver that takes next to nothing of the processor, where `make bench` has built one.
 */
function receiver(): string
{
    static $process = null;

    if (($rows = getenv('RESONATE_WEBHOOKS_ROWS')) === false) {
        return Receiver::shared()->url('/bench');
    }

    $process ??= new Process([$rows, 'receiver'], 'the receiver');
    static $address = trim($process->readLine());

    return "http://{$address}/bench";
}
