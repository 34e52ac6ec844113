--TEST--
stats() has a number for every name, before, during and after traffic
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

use Webpatser\ResonateWebhooks\Native\Engine;

// The names that dashboards use. There may be more.
const NAMES = [
    'intents', 'client_events_dropped', 'hook_queue_overflows', 'client_events_refused', 'claims', 'edges',
    'redis_calls', 'redis_errors', 'redis_errors_full', 'redis_errors_wrong_type', 'nodes_reaped', 'events', 'events_unwanted', 'attempts', 'batches_delivered',
    'events_delivered', 'batches_dropped', 'events_dropped', 'outcomes_lost', 'thread_panics',
    'reconcile_repairs', 'departures_suppressed', 'redis_requests',
    'queued_intents', 'channels', 'sockets', 'pending_claims', 'waiting_client_events', 'queued_events',
];

$cluster = new Cluster;
$unbooted = new Engine([]);
$engine = $cluster->engine();

$engine->subscribed('app', 'presence-a', '1.1', '7');
$engine->subscribed('app', 'presence-a', '1.2', '7');
$engine->subscribed('app', 'presence-a', '1.2', '7');
$engine->clientEvent('app', 'presence-a', '1.1', '{"event":"client-x","channel":"presence-b"}', '7');
$engine->shutdown(5000);
$stats = $engine->stats();

foreach (['before boot' => $unbooted->stats(), 'running' => $stats] as $when => $all) {
    echo "{$when}: ", json_encode(array_values(array_diff(NAMES, array_keys($all)))), " missing, ",
        array_is_list(array_filter($all, fn ($value) => ! is_int($value) || $value < 0)) ? 'all numbers' : 'not all numbers', "\n";
}

$shown = array_intersect_key($stats, array_flip([
    'client_events_refused', 'claims', 'edges', 'events', 'events_delivered', 'events_dropped',
    'channels', 'sockets', 'queued_intents', 'pending_claims', 'queued_events', 'thread_panics',
]));

foreach ($shown as $name => $value) {
    echo "{$name}: {$value}\n";
}
?>
--EXPECT--
before boot: [] missing, all numbers
running: [] missing, all numbers
client_events_refused: 1
claims: 2
edges: 2
events: 2
events_delivered: 2
events_dropped: 0
thread_panics: 0
queued_intents: 0
channels: 1
sockets: 2
pending_claims: 0
queued_events: 0
