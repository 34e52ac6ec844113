<?php

declare(strict_types=1);

/*
 * Shows the webhooks of two nodes, one of which is killed, and checks every webhook:
 *
 *     make demo
 *     make demo HOST=reverb                            on Reverb instead of Resonate
 *     make demo CLUSTER=1                              on a Redis Cluster of three masters, with 16 shards
 *     make demo ENDPOINT=http://127.0.0.1:9000/hook    also sends them to your receiver
 *
 * DEMO_SEED=n selects other actions. The exit status is 0 only if each event arrived exactly once, in order, and signed.
 */

require __DIR__.'/autoload.php';

use Demo\Demo;
use Demo\Screen;

$screen = new Screen;
$demo = new Demo($screen, $argv[1] ?? 'resonate', getenv('ENDPOINT') ?: null, (bool) getenv('CLUSTER'));

try {
    $passed = $demo->run((int) (getenv('DEMO_SEED') ?: 1));
} catch (Throwable $e) {
    $screen->line("demo: {$e->getMessage()}", Screen::RED);
    $passed = false;
}

if (! $passed) {
    $screen->line($demo->logs());
}

exit($passed ? 0 : 1);
