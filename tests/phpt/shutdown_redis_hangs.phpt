--TEST--
A hanging Redis delays the end by at most shutdown_timeout, and undelivered events are reported on stderr
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('a delivery', fn () => $engine->stats()['batches_delivered'] > 0);
    echo "ready\n";

    fgets(STDIN);
    $engine->subscribed('app', 'b', '1.2');
    exit(3);
    PHP, ['shutdown_timeout' => 1.5]);

$node->awaitLine('ready');
$cluster->redis->freeze();
$node->writeLine('go on');
$ended = $node->end();
$cluster->redis->thaw();

echo $ended->reason, "\n", $ended->err;
echo 'it took shutdown_timeout once: ', $ended->tookOnce(1.5), "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECTF--
exit code 3
resonate_webhooks: the process ended with %s
it took shutdown_timeout once: yes
channel_occupied a
