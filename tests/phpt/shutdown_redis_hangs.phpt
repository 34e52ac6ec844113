--TEST--
A Redis that hangs holds up the end for no longer than shutdown_timeout, and what is left is said on stderr
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    $engine->shutdown(1000);
    echo "ready\n";

    fgets(STDIN);
    $engine->subscribed('app', 'b', '1.2');
    exit(3);
    PHP, ['shutdown_timeout' => 0.5]);

$node->await('ready');
$cluster->redis->freeze();
$began = microtime(true);
$node->say('go on');
$ended = $node->end();
$took = microtime(true) - $began;
$cluster->redis->thaw();

echo $ended->reason, "\n", $ended->err;
echo 'it took shutdown_timeout and little more: ', $took > 0.4 && $took < 1.1 ? 'yes' : $took, "\n";
echo $cluster->receiver->story();
?>
--EXPECTF--
exit code 3
resonate_webhooks: the process ended with %s
it took shutdown_timeout and little more: yes
channel_occupied a
