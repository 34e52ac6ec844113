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
 * The mean of all but the least and the largest value. A process is the faster or the slower one of two
 * kinds, by where the system has put it: a median of a few would be one or the other.
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
