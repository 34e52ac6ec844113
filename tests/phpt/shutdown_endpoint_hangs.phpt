--TEST--
An endpoint that does not answer holds up the end for no longer than shutdown_timeout, plus half a second
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    exit(3);
    PHP, ['shutdown_timeout' => 0.5, 'endpoints' => [['url' => $cluster->receiver->url('/hang'), 'timeout' => 60]]]);

echo $node->reason, "\n", $node->err;
echo 'it took shutdown_timeout and little more: ', $node->seconds > 0.5 && $node->seconds < 1.2 ? 'yes' : $node->seconds, "\n";
?>
--EXPECT--
exit code 3
resonate_webhooks: the process ended with 2 events undelivered (safe in Redis), 0 claims undecided, 0 intents not taken in
it took shutdown_timeout and little more: yes
