<?php

declare(strict_types=1);

/*
 * `make bench`: runs the measuring programs and prints one table of their figures and goals. The exit
 * status is 1 if a goal is missed. With names as arguments, runs only those programs:
 *
 *     php benches/table.php EXTENSION ROWS [name ...]
 *
 * A figure is named program.name. A program prints one name and number per line, or a name, `-` and the
 * reason that there is no figure. Programs that are not installed are skipped. Any other missing figure is a
 * missed goal.
 */

require __DIR__.'/figures.php';

[, $extension, $rows] = $argv + [1 => '', 2 => ''];
$words = array_slice($argv, 3);

putenv("RESONATE_WEBHOOKS_ROWS={$rows}");
$ours = [PHP_BINARY, '-d', "extension={$extension}"];

/*
 * Name and command of each program. Programs that are listed several times alternate with those that they are
 * compared with, so that other load on the machine affects both. The pure-PHP package uses the same class
 * names as this one, so it runs in a process of its own.
 */
$programs = [
    ['native', [$rows, 'native']],
    ...array_merge(...array_fill(0, 7, array_map(
        fn (string $redis) => [$redis, [...$ours, __DIR__.'/hooks.php', $redis, '20000']],
        ['empty', 'stopped', 'foreign'],
    ))),
    ...array_merge(...array_fill(0, 5, [
        ['lag_off', [...$ours, __DIR__.'/lag.php', 'off', 'apart', '3']],
        ['lag_on', [...$ours, __DIR__.'/lag.php', 'on', 'apart', '3']],
        ['lag_off_together', [...$ours, __DIR__.'/lag.php', 'off', 'together', '3']],
        ['lag_on_together', [...$ours, __DIR__.'/lag.php', 'on', 'together', '3']],
    ])),
    ...array_merge(...array_fill(0, 5, [
        ['reverb_off', [...$ours, __DIR__.'/reverb.php', 'off']],
        ['reverb_on', [...$ours, __DIR__.'/reverb.php', 'on']],
    ])),
    ...array_map(fn (string $row) => [$row, [$rows, $row]], ['claims', 'shards', 'growth', 'signing', 'posts', 'receipt', 'throughput', 'memory']),
    ['peer', [PHP_BINARY, __DIR__.'/peer.php', $extension]],
];

$table = require __DIR__.'/goals.php';

[$found, $reasons] = [[], []];

foreach ($programs as [$program, $command]) {
    if ($words !== [] && ! in_array($program, $words, true)) {
        continue;
    }

    fwrite(STDERR, "bench: {$program} ...\n");

    // Only the process of the pure-PHP package may load its classes.
    $environment = getenv();

    if ($program !== 'peer') {
        unset($environment['RESONATE_AUTOLOAD']);
    }

    // A process that ends with undelivered events reports them on stderr. That matters only if it failed.
    $errors = tmpfile();
    $process = proc_open($command, [1 => ['pipe', 'w'], 2 => $errors], $pipes, env_vars: $environment);
    $lines = explode("\n", trim((string) stream_get_contents($pipes[1])));
    $status = proc_close($process);

    foreach ($lines as $line) {
        [$name, $value, $why] = explode("\t", $line) + ['', '', ''];

        if (is_numeric($value)) {
            $found["{$program}.{$name}"][] = (float) $value;
        } elseif ($value === '-') {
            $reasons["{$program}.{$name}"] = $why;
        }
    }

    if ($status !== 0) {
        fseek($errors, 0);
        fwrite(STDERR, (string) stream_get_contents($errors));
        $reasons[$program] = "ended with {$status}";
    }
}

$figures = array_map(typical(...), $found);

/**
 * Get the largest of some figures, or null if one is missing.
 */
$value = static function (array $names) use (&$figures): ?float {
    $values = array_map(fn (string $name) => $figures[$name] ?? null, $names);

    return in_array(null, $values, true) || $values === [] ? null : max($values);
};

/**
 * Format a number with about four digits.
 */
$number = static fn (?float $value, string $unit): string => $value === null ? '-' : trim(match (true) {
    $value >= 1e6 => sprintf('%.2f M', $value / 1e6),
    $value >= 1e4 => sprintf('%.1f k', $value / 1e3),
    $value >= 100 => sprintf('%.0f ', $value),
    $value >= 10 => sprintf('%.1f ', $value),
    default => sprintf('%.2f ', $value),
}).($unit === '' ? '' : " {$unit}");

[$lines, $missed] = [[], 0];

foreach ($table as [$what, $unit, $of, $against, $name, $goals]) {
    $program = strtok($of[0], '.');

    if ($words !== [] && ! in_array($program, $words, true)) {
        continue;
    }

    [$figure, $other] = [$value($of), $value($against)];
    $ratio = $figure !== null && $other !== null && $other > 0.0 ? $figure / $other : null;

    $reason = array_find($reasons, fn (string $why, string $of_) => in_array($of_, [...$of, ...$against, $program], true));
    $met = true;

    foreach ($goals as [$side, $sign, $goal]) {
        $got = $side === 'ratio' ? $ratio : $figure;
        $met = $met && $got !== null && ($sign === '<=' ? $got <= $goal : $got >= $goal);
    }

    $verdict = match (true) {
        $reason === 'not installed' => 'skipped: not installed',
        $met => $goals === [] ? '' : 'met',
        $reason !== null => "MISSED: {$reason}",
        default => 'MISSED',
    };

    $missed += (int) str_starts_with($verdict, 'MISSED');
    $lines[] = [
        $what,
        $number($figure, $unit),
        $against === [] ? '' : trim($number($other, $unit)." {$name}"),
        $ratio === null ? '' : sprintf($ratio < 0.1 ? '%.4f' : '%.2f', $ratio),
        implode(', ', array_map(fn (array $goal) => trim(sprintf(
            '%s%s %s', $goal[0] === 'ratio' ? 'ratio ' : '', $goal[1] === '<=' ? '≤' : '≥',
            rtrim(rtrim(number_format($goal[2], 2, '.', ' '), '0'), '.').($goal[0] === 'ratio' || $unit === '' ? '' : " {$unit}"),
        )), $goals)),
        $verdict,
    ];
}

printf("%s\n\n", machine());

$lines = [['row', 'ours', 'against', 'ratio', 'goal', ''], ...$lines];
$widths = array_map(fn (int $column) => max(array_map(fn (array $line) => mb_strlen($line[$column]), $lines)), array_keys($lines[0]));

foreach ($lines as $line) {
    echo rtrim(implode('  ', array_map(fn (string $cell, int $width) => mb_str_pad($cell, $width), $line, $widths))), "\n";
}

printf("\nbench: %d rows, %d goals missed\n", count($lines) - 1, $missed);

exit($missed > 0 ? 1 : 0);
