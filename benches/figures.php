<?php

declare(strict_types=1);

/*
 * Statistics of the benchmarks, and a description of the machine.
 */

/**
 * Get the smallest value that at least a share of the values do not exceed.
 *
 * @param  list<int|float>  $values
 */
function percentile(array $values, float $share): float
{
    sort($values);

    return (float) $values[(int) ceil($share * count($values)) - 1];
}

/**
 * Get the mean without the smallest and the largest value. Depending on where the system places it, a process
 * is either of a fast or of a slow kind, and a median of a few runs would be one or the other.
 *
 * @param  non-empty-list<float>  $values
 */
function typical(array $values): float
{
    sort($values);

    $inner = count($values) < 3 ? $values : array_slice($values, 1, -1);

    return array_sum($inner) / count($inner);
}

/**
 * Describe the machine: versions, processors, date.
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
