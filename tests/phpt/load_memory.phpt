--TEST--
200 000 hook calls, with every kind of argument and result, leak no memory in PHP or Rust
--FILE--
<?php
require __DIR__.'/support/cluster.inc';
require __DIR__.'/support/resident.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

// A subscriber stays on the channel, so that no call makes an edge.
for ($i = 0; $i < 100; $i++) {
    $engine->subscribed('app', "presence-{$i}", 'stays', 'stays');
}

$calls = function (int $rounds) use ($engine): void {
    for ($n = 0; $n < $rounds; $n++) {
        $channel = 'presence-'.($n % 100);
        $socket = "1.{$n}";

        $engine->subscribed('app', $channel, $socket, 'stays');
        $engine->subscribed('app', $channel, "{$socket}.2");
        $engine->clientEvent('app', $channel, $socket, 'no message'.str_repeat('x', 500), 'stays');
        $engine->unsubscribed('app', $channel, $socket);
        $engine->registerApp('app', 'app-key', 'app-secret');
        $engine->reconcile('app', $channel, ['stays' => 'stays', "{$socket}.2" => '', '7' => null]);
        $engine->closed('app', "{$socket}.2");
        $engine->closed('app', '7');
        $engine->channels($n % 100, 3);
        $engine->present('app', $channel, ["{$socket}.3" => 'stays', '8' => '']);
        $engine->absent('app', $channel, ["{$socket}.3", '8']);
        $engine->sockets('app', $channel, 0, 3);
        $engine::keys(["{$socket}.2" => true, '7' => $engine], 0, $n % 3);
        $engine->poll(1);

        if ($n % 100 === 0) {
            $engine->stats();
            $engine->dirtyChannels();
            until('the queue to be read', fn () => $engine->stats()['queued_intents'] < 10_000);
        }
    }
    $engine->shutdown(5000);
};

$calls(5_000);
$php = memory_get_usage();
$process = resident_bytes();

$calls(20_000);
$php = memory_get_usage() - $php;
$process = resident_bytes() - $process;

echo 'PHP: ', abs($php) < 1024 ? 'stable' : "{$php} bytes more", "\n";
echo 'the process: ', $process < 4 << 20 ? 'stable' : "{$process} bytes more", "\n";
echo json_encode(array_intersect_key($engine->stats(), array_flip(['sockets', 'channels', 'hook_queue_overflows', 'thread_panics']))), "\n";
?>
--EXPECT--
PHP: stable
the process: stable
{"hook_queue_overflows":0,"thread_panics":0,"channels":100,"sockets":1}
