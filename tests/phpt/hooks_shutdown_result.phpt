--TEST--
shutdown() returns true if nothing is left and false otherwise, and hooks still work afterwards
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine(['shutdown_timeout' => 10]);

echo 'nothing to do: ', var_export($engine->shutdown(0), true), "\n";

$engine->subscribed('app', 'a', '1.1');
echo 'delivered: ', var_export($engine->shutdown(5000), true), "\n", $cluster->receiver->eventLines();

$cluster->redis->freeze();
$engine->subscribed('app', 'b', '1.2');
$began = microtime(true);
echo 'Redis hangs: ', var_export($engine->shutdown(100), true), "\n";
$took = microtime(true) - $began;
echo 'it took about 0.1 s: ', $took > 0.09 && $took < 0.3 ? 'yes' : $took, "\n";
echo 'a deadline that is over: ', var_export($engine->shutdown(-1), true), "\n";

$cluster->redis->thaw();
echo 'Redis is back: ', var_export($engine->shutdown(PHP_INT_MAX), true), "\n", $cluster->receiver->eventLines();
?>
--EXPECT--
nothing to do: true
delivered: true
channel_occupied a
Redis hangs: false
it took about 0.1 s: yes
a deadline that is over: false
Redis is back: true
channel_occupied a
channel_occupied b
