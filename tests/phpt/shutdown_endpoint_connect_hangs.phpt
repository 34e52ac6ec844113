--TEST--
A thread stuck in connect() is left behind at the end: it cannot be broken off, and does no harm
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

// A listener that accepts nobody: once its queue is full, further connects get no answer.
$context = stream_context_create(['socket' => ['backlog' => 0]]);
$full = stream_socket_server('tcp://127.0.0.1:0', context: $context);
$address = stream_socket_get_name($full, false);
$queue = [];
do {
    $queue[] = $last = @stream_socket_client("tcp://{$address}", timeout: 0.2);
} while ($last !== false);

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    exit(3);
    PHP, ['shutdown_timeout' => 0.5, 'endpoints' => [['url' => "http://{$address}/", 'timeout' => 60, 'connect_timeout' => 60]]]);

echo $node->reason, "\n", $node->err;
echo 'it took shutdown_timeout and little more: ', $node->seconds > 0.5 && $node->seconds < 1.2 ? 'yes' : $node->seconds, "\n";
?>
--EXPECTF--
exit code 3
resonate_webhooks: the process ended with %s
it took shutdown_timeout and little more: yes
