--TEST--
poll() returns deliveries, and drops and log lines, oldest first and each once
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine([
    'max_attempts' => 1,
    'endpoints' => [
        ['url' => $cluster->receiver->url('/'), 'events' => ['channel_occupied']],
        ['url' => $cluster->receiver->url('/503'), 'events' => ['channel_vacated']],
    ],
]);

$engine->subscribed('app', 'a', '1.1');
until('the delivery', fn () => $engine->stats()['batches_delivered'] === 1);
$engine->closed('app', '1.1');
until('the drop', fn () => $engine->stats()['batches_dropped'] === 1);

echo 'none asked for: ', count($engine->poll(0)), "\n";
$outcomes = [...$engine->poll(1), ...$engine->poll()];
until('the last line', function () use ($engine, &$outcomes) {
    array_push($outcomes, ...$engine->poll());

    return count($outcomes) >= 6;
});

// The warning that this Redis does not persist its data comes when the node has started, at any position.
$once = array_filter($outcomes, fn (array $outcome) => str_contains($outcome['message'] ?? '', 'may lose events'));
echo 'said of Redis: ', count($once), "\n";

// Deliveries have a separate queue.
$told = array_diff_key($outcomes, $once);
usort($told, fn (array $one, array $other) => ($one['type'] === 'delivered') <=> ($other['type'] === 'delivered'));

foreach ($told as $outcome) {
    echo json_encode($outcome, JSON_UNESCAPED_SLASHES), "\n";
}

echo 'left to poll: ', count($engine->poll()), "\n";
?>
--EXPECTF--
none asked for: 0
said of Redis: 1
{"type":"log","level":"warning","message":"Endpoint http://127.0.0.1:%d/503 is failing: HTTP 503"}
{"type":"endpoint_failing","url":"http://127.0.0.1:%d/503","endpoint":"%x","reason":"HTTP 503","answer":{"status":503,"text":"","time_ms":%d},"seconds":0}
{"type":"dropped","url":"http://127.0.0.1:%d/503","app_id":"app","attempts":1,"reason":"HTTP 503","webhook_id":"msg_%s","endpoint":"%x","events":1,"dead_letter":"%d-%d"}
{"type":"log","level":"warning","message":"Webhook dropped after 1 attempts (HTTP 503): http://127.0.0.1:%d/503"}
{"type":"delivered","url":"http://127.0.0.1:%d/","status":200,"app_id":"app","attempts":1,"webhook_id":"msg_%s","endpoint":"%x","events":1}
left to poll: 0
