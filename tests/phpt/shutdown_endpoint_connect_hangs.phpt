--TEST--
A thread that is stuck in connect() at the end is leaked without harm, because it cannot be interrupted
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

// A listener that never accepts. Once its queue is full, further connects get no answer.
$context = stream_context_create(['socket' => ['backlog' => 0]]);
$full = stream_socket_server('tcp://127.0.0.1:0', context: $context);
$address = stream_socket_get_name($full, false);
$queue = [];
do {
    $queue[] = $last = @stream_socket_client("tcp://{$address}", timeout: 0.2);
} while ($last !== false);

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    echo "ready\n";
    fgets(STDIN);
    exit(3);
    PHP, ['shutdown_timeout' => 1.5, 'endpoints' => [['url' => "http://{$address}/", 'timeout' => 60, 'connect_timeout' => 60]]]);

$node->awaitLine('ready');
$node->writeLine('go on');
$ended = $node->end();

echo $ended->reason, "\n", $ended->err;
echo 'it took shutdown_timeout once: ', $ended->tookOnce(1.5), "\n";
?>
--EXPECTF--
exit code 3
resonate_webhooks: the process ended with %s
it took shutdown_timeout once: yes
