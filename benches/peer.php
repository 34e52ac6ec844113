<?php

declare(strict_types=1);

/*
 * The rows of `make bench` about the pure-PHP package: the median of a subscribe hook by number of keys in
 * Redis, for both packages. RESONATE_AUTOLOAD must name an autoloader for that package, for Resonate and
 * for the roster. Otherwise the rows are skipped.
 *
 *     php benches/peer.php EXTENSION
 */

use Webpatser\ResonateWebhooks\OccupancyTracker;

if (getenv('RESONATE_AUTOLOAD') !== false) {
    require_once getenv('RESONATE_AUTOLOAD');
}

foreach ([0, 100_000] as $keys) {
    if (! class_exists(OccupancyTracker::class)) {
        printf("subscribe_%d_us\t-\tnot installed\n", $keys);

        continue;
    }

    // The second pair of columns is that with foreign keys. The same script measures both packages.
    foreach ([
        'subscribe' => [PHP_BINARY, __DIR__.'/hook_cost.php', '20', (string) $keys],
        'ours' => ['env', '-u', 'RESONATE_AUTOLOAD', PHP_BINARY, '-d', "extension={$argv[1]}", __DIR__.'/hook_cost.php', '2000', (string) $keys],
    ] as $side => $command) {
        $output = (string) shell_exec(implode(' ', array_map(escapeshellarg(...), $command)));

        if (preg_match('/^onSubscribe \(presence\)\s*[\d.]+ us\s*[\d.]+ us\s*([\d.]+) us/m', $output, $match) === 1) {
            printf("%s_%d_us\t%s\n", $side, $keys, $match[1]);
        } else {
            printf("%s_%d_us\t-\thook_cost.php failed\n", $side, $keys);
        }
    }
}
