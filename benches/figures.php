<?php

declare(strict_types=1);

/*
 * Figures, and what they were measured on.
 */

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
