<?php

declare(strict_types=1);

/*
 * What the benchmarks share. They run on the classes that the tests use: real Redis and real
 * endpoints, Resonate itself where it is installed and stand-ins for it elsewhere.
 */

require_once dirname(__DIR__).'/tests/php/bootstrap.php';

if (! extension_loaded('resonate_webhooks') && getenv('RESONATE_AUTOLOAD') === false) {
    fwrite(STDERR, "run it with -d extension=..., the library that `make build` names\n");

    exit(1);
}

/**
 * The value that a share of all others does not exceed.
 *
 * @param  list<int|float>  $values
 */
function percentile(array $values, float $share): float
{
    sort($values);

    return (float) $values[(int) ceil($share * count($values)) - 1];
}

/**
 * What was measured on: versions, processors, date.
 */
function machine(): string
{
    $processors = preg_grep('/^model name/', file('/proc/cpuinfo') ?: []) ?: ['unknown processor'];
    $redis = preg_match('/ v=(\S+)/', (string) shell_exec('redis-server --version'), $match) === 1 ? $match[1] : '?';

    return sprintf(
        'PHP %s, Redis %s, %d x %s, %s', PHP_VERSION, $redis, count($processors),
        trim((string) preg_replace('/.*:/', '', (string) reset($processors))), date('Y-m-d'),
    );
}
