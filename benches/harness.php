<?php

declare(strict_types=1);

/*
 * Shared by the benchmarks. They use the support classes of the tests: real Redis, real endpoints, and
 * Resonate if it is installed or else stand-ins for it.
 */

use Tests\Support\Process;
use Tests\Support\Receiver;

require_once __DIR__.'/figures.php';
require_once dirname(__DIR__).'/tests/php/bootstrap.php';

if (! extension_loaded('resonate_webhooks') && getenv('RESONATE_AUTOLOAD') === false) {
    fwrite(STDERR, "Run this with -d extension=PATH. `make build` prints the path.\n");

    exit(1);
}

/**
 * Get the URL of a receiver. `make bench` provides one that uses little CPU time.
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

/**
 * Pin this thread to the first processor, and the other threads of this process and its children to the others.
 */
function pinLoopToProcessor(): void
{
    $others = '1-'.max(1, (int) shell_exec('getconf _NPROCESSORS_ONLN') - 1);
    $children = fn (int $pid): array => preg_split('/\s+/', (string) shell_exec("pgrep --parent {$pid}"), flags: PREG_SPLIT_NO_EMPTY);

    for ($pids = $children(getmypid()); ($pid = array_shift($pids)) !== null;) {
        shell_exec("taskset --all-tasks --cpu-list --pid {$others} {$pid}");
        array_push($pids, ...$children((int) $pid));
    }

    foreach (array_map('basename', glob('/proc/self/task/*')) as $thread) {
        $processors = (int) $thread === getmypid() ? '0' : $others;
        shell_exec("taskset --cpu-list --pid {$processors} {$thread}");
    }
}
