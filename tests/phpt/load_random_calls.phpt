--TEST--
Random calls with arguments of every kind end as a result or a documented exception, and leak no memory
--FILE--
<?php
// RESONATE_WEBHOOKS_CALLS_SEED repeats a run. RESONATE_WEBHOOKS_CALLS_SECONDS sets its length in seconds, 8 by default.
require __DIR__.'/support/random_calls.inc';

$seed = (int) (getenv('RESONATE_WEBHOOKS_CALLS_SEED') ?: random_int(1, PHP_INT_MAX));
$seconds = (float) (getenv('RESONATE_WEBHOOKS_CALLS_SECONDS') ?: 8);

$cluster = new Cluster;
$engine = $cluster->engine(['shutdown_timeout' => 2]);
$calls = new RandomCalls($seed, $cluster, $engine);

set_error_handler(function (int $level, string $message): never {
    throw new Error("PHP error {$level}: {$message}");
});

$resident = function (): int {
    preg_match('/^VmRSS:\s+(\d+) kB$/m', file_get_contents('/proc/self/status'), $match);

    return (int) $match[1] * 1024;
};

$run = function (float $seconds) use ($calls): void {
    for ($end = microtime(true) + $seconds; microtime(true) < $end;) {
        $calls->run(1000);
        gc_collect_cycles();
    }
};

try {
    $run($seconds / 2);
    [$php, $process] = [memory_get_usage(), $resident()];
    $run($seconds / 2);
    [$php, $process] = [memory_get_usage() - $php, $resident() - $process];
} catch (Throwable $e) {
    echo "seed {$seed}, call {$calls->calls}: ", $e, "\n";
}

echo 'PHP: ', $php < 64 << 10 ? 'stable' : "{$php} bytes more (seed {$seed})", "\n";
echo 'the process: ', $process < 32 << 20 ? 'stable' : "{$process} bytes more (seed {$seed})", "\n";
echo 'panics: ', $engine->stats()['thread_panics'], "\n";

if (getenv('RESONATE_WEBHOOKS_CALLS_SECONDS')) {
    fprintf(STDERR, "seed %d: %d calls, %d and %d bytes more, %s\n", $seed, $calls->calls, $php, $process, json_encode($calls->exceptions));
}
?>
--EXPECTF--
PHP: stable
the process: stable
panics: 0
%A
