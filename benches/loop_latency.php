<?php

declare(strict_types=1);

/*
 * Measures the latency that webhooks add to the event loop, also while Redis or an endpoint hangs:
 *
 *     php -d extension=target/release/libresonate_webhooks.so benches/loop_latency.php [turns]
 *
 * The same crowd repeats the same actions on a server without the plugin and on servers with it: ten
 * messages in a row, then the event loop runs. A timer of 1 ms measures how long other work on the loop
 * would have had to wait.
 */

require __DIR__.'/harness.php';

use Tests\Support\Crowd;
use Tests\Support\FailingRedis;
use Tests\Support\FakeServer;
use Tests\Support\HangingReceiver;
use Tests\Support\LoopWatch;
use Tests\Support\TestApplication;

const SEED = 1;

/**
 * Run the crowd on a server, after Redis or the endpoint has been made to hang.
 */
function play(int $turns, bool $plugin = true, bool $redisHangs = false, bool $endpointHangs = false): LoopWatch
{
    // Kept until the engines have ended, because they deliver the remaining events.
    static $kept = [];

    $kept[] = $redis = new FailingRedis;
    $kept[] = $receiver = new HangingReceiver;
    $application = new TestApplication(['connection' => $redis->connection(5.0), 'endpoints' => [['url' => $receiver->url]]]);

    if (! $plugin) {
        config(['reverb.servers.reverb.plugins' => []]);
    }

    $server = new FakeServer($application->laravel);
    $crowd = new Crowd($server, SEED);
    $crowd->play(20);

    $redisHangs && $redis->hang();
    $endpointHangs && $receiver->hang();

    $watch = LoopWatch::during(fn () => $crowd->play($turns));

    $redis->goOn();
    $receiver->goOn();
    $server->stop();
    $application->remove();

    return $watch;
}

$turns = (int) ($argv[1] ?? 1_000);

printf("%d turns of the same crowd; %s\n\n", $turns, machine());
printf("%-32s%10s%12s%12s%12s\n", 'the loop was blocked for', 'rounds', 'median', 'p99', 'longest');

foreach ([
    'without webhooks' => fn () => play($turns, plugin: false),
    'with webhooks' => fn () => play($turns),
    'with webhooks, Redis hangs' => fn () => play($turns, redisHangs: true),
    'with webhooks, endpoint hangs' => fn () => play($turns, endpointHangs: true),
] as $name => $play) {
    $watch = $play();

    printf(
        "%-32s%10d%9.2f ms%9.2f ms%9.2f ms\n", $name, $watch->rounds(),
        percentile($watch->gaps, 0.5) * 1e3, percentile($watch->gaps, 0.99) * 1e3, $watch->longestGap() * 1e3,
    );
}
