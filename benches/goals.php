<?php

declare(strict_types=1);

/*
 * The rows of the table: label, unit, our figures (the worst counts), the figures to compare with and
 * their label, and the goals for our figure or for its ratio to the other one.
 */

$everywhere = static fn (string $figure): array => array_map(fn (string $redis) => "{$redis}.{$figure}", ['empty', 'stopped', 'foreign']);

$rows = [];

foreach ([
    'subscribe' => 'subscribe', 'unsubscribe' => 'unsubscribe', 'close_1' => 'close, 1 channel',
    'close_50' => 'close, 50 channels', 'whisper' => 'whisper',
] as $hook => $name) {
    $rows[] = ["hook: {$name}, median", 'µs', $everywhere("{$hook}_p50_us"), ["empty.{$hook}_p50_us"], 'empty Redis', [['ours', '<=', 5.0], ['ratio', '<=', 1.25]]];
    $rows[] = ["hook: {$name}, p99", 'µs', $everywhere("{$hook}_p99_us"), ["empty.{$hook}_p99_us"], 'empty Redis', [['ours', '<=', 20.0]]];
}

foreach (['subscribe', 'unsubscribe', 'close', 'whisper'] as $hook) {
    $rows[] = ["hook: {$hook}, native part", 'µs', ["native.{$hook}_us"], [], '', [['ours', '<=', 0.5]]];
}

$rows[] = ['loop: p99 lag of a 1 ms timer', 'ms', ['lag_on.p99_ms'], ['lag_off.p99_ms'], 'without webhooks', [['ratio', '<=', 1.10]]];
$rows[] = ['the same, sharing its processor', 'ms', ['lag_on_together.p99_ms'], ['lag_off_together.p99_ms'], 'without webhooks', [['ratio', '<=', 1.10]]];

$rows[] = ['Reverb: p99 lag of a 1 ms timer', 'ms', ['reverb_on.lag_p99_ms'], ['reverb_off.lag_p99_ms'], 'without webhooks', [['ratio', '<=', 1.10]]];
$rows[] = ['Reverb: subscribes a second', '', ['reverb_on.subscribes_per_s'], ['reverb_off.subscribes_per_s'], 'without webhooks', [['ratio', '>=', 0.91]]];
$rows[] = ['Reverb: a close with 10 000 channels', 'ms', ['reverb_on.close_ms'], ['reverb_off.close_ms'], 'without webhooks', [['ratio', '<=', 1.15]]];

$rows[] = ['claims a second, one node', '', ['claims.ours_per_s'], ['claims.redis_benchmark_per_s'], 'redis-benchmark', [['ratio', '>=', 1.0]]];

$rows[] = ['the same, one client on 100 000 channels', '', ['claims.of_one_client_per_s'], ['claims.ours_per_s'], 'with 10 000 clients', [['ratio', '>=', 0.8]]];

$rows[] = ['Redis for 600 000 claims, one of two servers', 's', ['shards.shared_s'], ['shards.alone_s'], 'one server', [['ratio', '<=', 0.6]]];

foreach ([
    'foreign_keys' => ['foreign keys', 0, 1_000_000, 1.2], 'channels' => ['channels', 10, 100_000, 1.2],
    'members' => ['members', 10, 10_000, 1.2], 'nodes' => ['nodes', 1, 32, 2.0],
] as $of => [$name, $least, $most, $goal]) {
    $most_ = number_format($most, 0, '.', ' ');
    $rows[] = ["a claim in Redis, {$most_} {$name}", 'µs', ["growth.{$of}_{$most}_us"], ["growth.{$of}_{$least}_us"], "with {$least}", [['ratio', '<=', $goal]]];
}

$rows[] = ['events encoded and signed a second', '', ['signing.ours_per_s'], ['signing.bare_hmac_per_s'], 'HMACs, same crate', [['ratio', '>=', 0.7]]];
$rows[] = ['events encoded and signed a second', '', ['signing.ours_per_s'], ['signing.openssl_per_s'], 'HMACs, openssl', [['ratio', '>=', 0.7]]];

foreach ([1, 8, 64] as $lanes) {
    $of = "POSTs a second, {$lanes} ".($lanes === 1 ? 'lane' : 'lanes');

    $rows[] = [$of, '', ["posts.ours_{$lanes}_per_s"], ["posts.wrk_{$lanes}_per_s"], 'wrk', [['ratio', '>=', 0.8]]];
    $rows[] = [$of, '', ["posts.ours_{$lanes}_per_s"], ["posts.ureq_{$lanes}_per_s"], 'ureq alone', []];
}

$rows[] = ['hook to receipt, median', 'ms', ['receipt.p50_ms'], [], '', [['ours', '<=', 15.0]]];
$rows[] = ['hook to receipt, p99', 'ms', ['receipt.p99_ms'], [], '', [['ours', '<=', 40.0]]];

$rows[] = ['events a second', '', ['throughput.per_s'], [], '', [['ours', '>=', 25_000.0]]];
$rows[] = ['processor time of an event', 'µs', ['throughput.cpu_us'], [], '', []];

$rows[] = ['memory of a connection', 'B', ['memory.connection_bytes'], [], '', [['ours', '<=', 300.0]]];
$rows[] = ['memory of a queued event', 'B', ['memory.event_bytes'], [], '', [['ours', '<=', 400.0]]];
$rows[] = ['resident after 10 million events', 'MB', ['throughput.rss_at_last_mb'], ['throughput.rss_at_first_mb'], 'after 1 million', [['ratio', '<=', 1.2]]];

$rows[] = ['subscribe, the pure-PHP package, empty Redis', 'µs', ['peer.subscribe_0_us'], ['peer.ours_0_us'], 'ours', [['ratio', '>=', 200.0]]];
$rows[] = ['the same, 100 000 foreign keys', 'µs', ['peer.subscribe_100000_us'], ['peer.ours_100000_us'], 'ours', [['ratio', '>=', 5_000.0]]];

return $rows;
