--TEST--
An endpoint that hangs delays the end by at most shutdown_timeout and the hard stop
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    echo "ready\n";
    fgets(STDIN);
    exit(3);
    PHP, ['shutdown_timeout' => 1.5, 'endpoints' => [['url' => $cluster->receiver->url('/hang'), 'timeout' => 60]]]);

$node->awaitLine('ready');
$node->writeLine('go on');
$ended = $node->end();

echo $ended->reason, "\n", $ended->err;
echo 'it took shutdown_timeout once: ', $ended->tookOnce(1.5), "\n";
?>
--EXPECT--
exit code 3
resonate_webhooks: the process ended with 2 events undelivered (safe in Redis), 0 claims undecided, 0 intents unprocessed
it took shutdown_timeout once: yes
