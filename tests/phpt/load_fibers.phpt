--TEST--
Hooks from 2000 alternating fibers are all counted
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

$fibers = [];

for ($i = 0; $i < 2000; $i++) {
    $fibers[$i] = new Fiber(function () use ($engine, $i) {
        $channel = 'presence-'.($i % 10);
        $engine->subscribed('app', $channel, "1.{$i}", (string) $i);
        Fiber::suspend();

        try {
            $engine->clientEvent('app', $channel, "1.{$i}", '{"event":"client-x","channel":"'.$channel.'","data":{}}', (string) $i);
            Fiber::suspend();
        } finally {
            $engine->closed('app', "1.{$i}");
        }
    });
}

foreach (['start', 'resume', 'resume'] as $step) {
    foreach ($fibers as $fiber) {
        $fiber->$step();
    }
}

echo 'all delivered: ', var_export($engine->shutdown(20000), true), "\n";

$counts = array_count_values(array_column($cluster->receiver->events(), 'name'));
ksort($counts);
echo json_encode($counts, JSON_PRETTY_PRINT), "\n";
echo 'left: ', json_encode(array_intersect_key($engine->stats(), array_flip(['sockets', 'channels', 'queued_events']))), "\n";
?>
--EXPECT--
all delivered: true
{
    "channel_occupied": 10,
    "channel_vacated": 10,
    "client_event": 2000,
    "member_added": 2000,
    "member_removed": 2000
}
left: {"channels":0,"sockets":0,"queued_events":0}
