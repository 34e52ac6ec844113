<?php

declare(strict_types=1);

/*
 * Plots the cost of a subscribe hook by number of keys in Redis, for this package and the pure-PHP one:
 *
 *     php benches/plot.php measure EXTENSION      measures into docs/hook-cost.json, then draws
 *     php benches/plot.php draw                   draws docs/hook-cost.json as docs/hook-cost.svg
 *
 * The pure-PHP package is measured if RESONATE_AUTOLOAD names an autoloader for it, for Resonate and for
 * the roster. Otherwise its last figures stay, with their date.
 */

require __DIR__.'/figures.php';

const KEYS = [0, 1_000, 10_000, 100_000, 1_000_000];
const FIGURES = __DIR__.'/../docs/hook-cost.json';
const PICTURE = __DIR__.'/../docs/hook-cost.svg';

/**
 * Measure the median of the hook in microseconds, by number of keys in Redis.
 *
 * @param  list<string>  $php  The command that runs a script.
 * @param  callable(int): int  $calls
 * @param  array<string, string>  $environment
 * @return array{on: string, us: array<int, float>}
 */
function measured(array $php, callable $calls, array $environment): array
{
    $us = [];

    foreach (KEYS as $keys) {
        fwrite(STDERR, "plot: {$keys} keys ...\n");

        $command = [...$php, __DIR__.'/hook_cost.php', (string) $calls($keys), (string) $keys];
        $process = proc_open($command, [1 => ['pipe', 'w'], 2 => STDERR], $pipes, env_vars: $environment);

        // The second pair of columns is that with foreign keys.
        if (preg_match('/^onSubscribe \(presence\)\s*[\d.]+ us\s*[\d.]+ us\s*([\d.]+) us/m', (string) stream_get_contents($pipes[1]), $match) !== 1) {
            throw new RuntimeException('hook_cost.php failed.');
        }

        $us[$keys] = (float) $match[1];
        proc_close($process);
    }

    return ['on' => machine(), 'us' => $us];
}

/**
 * Draw the picture. Both axes are logarithmic, with an empty Redis at the left edge.
 *
 * @param  array<string, array{on: string, us: array<int, float>}>  $figures
 */
function picture(array $figures): string
{
    [$left, $top, $width, $height] = [70, 40, 600, 300];

    $x = static fn (int $keys): float => $left + $width * ($keys === 0 ? 0.0 : (log10($keys) - 2) / 4);
    $y = static fn (float $us): float => $top + $height * (1 - log10($us) / 7);
    $text = static fn (float $x, float $y, string $text, string $more = ''): string => sprintf(
        "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", $x, $y, $more, htmlspecialchars($text),
    );

    $svg = sprintf(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        $left + $width + 30, $top + $height + 90,
    );
    $svg .= $text($left, 22, 'Duration of a presence subscribe hook by number of foreign keys in Redis (median)', 'font-size="14"');

    foreach (['1 µs', '10 µs', '100 µs', '1 ms', '10 ms', '100 ms', '1 s', '10 s'] as $power => $label) {
        $svg .= sprintf("<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/>\n", $left, $y(10 ** $power), $width);
        $svg .= $text($left - 8, $y(10 ** $power) + 4, $label, 'text-anchor="end"');
    }

    foreach (KEYS as $keys) {
        $svg .= $text($x($keys), $top + $height + 18, $keys === 0 ? 'empty' : number_format($keys, 0, '.', ' '), 'text-anchor="middle"');
    }

    foreach (['pure PHP' => '#c0392b', 'this' => '#1f6f43'] as $name => $colour) {
        $us = $figures[$name]['us'] ?? [];
        $points = array_map(fn (int $keys) => sprintf('%.1f,%.1f', $x($keys), $y($us[$keys])), array_keys($us));
        $svg .= sprintf("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", implode(' ', $points), $colour);

        foreach ($us as $keys => $value) {
            $svg .= sprintf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", $x($keys), $y($value), $colour);
            $label = match (true) {
                $value >= 1e6 => sprintf('%.1f s', $value / 1e6),
                $value >= 1e3 => sprintf('%.3g ms', $value / 1e3),
                default => sprintf('%.3g µs', $value),
            };
            $svg .= $text($x($keys), $y($value) - 9, $label, "fill=\"{$colour}\" text-anchor=\"".($keys === 0 ? 'start' : 'middle').'"');
        }
    }

    foreach (['this', 'pure PHP'] as $line => $name) {
        $svg .= $text($left, $top + $height + 48 + 18 * $line, "{$name}: ".($figures[$name]['on'] ?? 'not measured'), 'font-size="11"');
    }

    return $svg."</svg>\n";
}

$figures = is_file(FIGURES) ? json_decode((string) file_get_contents(FIGURES), true, flags: JSON_THROW_ON_ERROR) : [];

if (($argv[1] ?? '') === 'measure') {
    $environment = getenv();

    if (isset($environment['RESONATE_AUTOLOAD'])) {
        // A call takes up to seconds there.
        $figures['pure PHP'] = measured([PHP_BINARY], fn (int $keys) => $keys > 10_000 ? 5 : 20, $environment);
        unset($environment['RESONATE_AUTOLOAD']);
    }

    $figures['this'] = measured([PHP_BINARY, '-d', "extension={$argv[2]}"], fn () => 20_000, $environment);

    file_put_contents(FIGURES, json_encode($figures, JSON_PRETTY_PRINT | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR)."\n");
}

file_put_contents(PICTURE, picture($figures));
