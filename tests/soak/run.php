<?php

declare(strict_types=1);

/*
 * Runs a server under load with faults, and checks that its memory, descriptors and threads stay the same:
 *
 *     php -d extension=... tests/soak/run.php FOLDER HOST SECONDS RATE SEED
 *
 * HOST is `resonate` or `reverb`, RATE the number of events a second. FOLDER gets the samples and a picture of them.
 */

require __DIR__.'/bootstrap.php';

use Tests\Soak\Plot;
use Tests\Soak\Soak;

[, $folder, $host, $seconds, $rate, $seed] = $argv;

$soak = new Soak($host, (int) $rate, (int) $seed);
$samples = $soak->run((float) $seconds);
$title = sprintf('%s, %s events a second for %.1f minutes', ucfirst($host), number_format($samples->rate(), 0, '.', ' '), $seconds / 60);

is_dir($folder) || mkdir($folder, recursive: true);
file_put_contents("{$folder}/soak-{$host}.csv", $samples->csv());
file_put_contents("{$folder}/soak-{$host}.svg", (new Plot($samples))->draw($title));

$growths = $samples->growths();
$growing = array_map(fn (string $growth) => "NOT FLAT: {$growth}", $growths);
echo implode(array_map(fn (string $line) => "soak: {$line}\n", ["{$title}, {$soak->report()}", ...$samples->summary(), ...$growing]));

if ($growths !== []) {
    echo $soak->log();
}

exit($growths === [] ? 0 : 1);
