--TEST--
A shutdown() long before the end does not reduce the time of the final shutdown
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'before', '1.1');
    var_dump($engine->shutdown(1000));

    // Longer than the shutdown_timeout, as in a server that drains while its last clients leave.
    $until = microtime(true) + 1.1;
    until('the last client to leave', fn () => microtime(true) > $until);

    $engine->subscribed('app', 'after', '1.1');
    var_dump($engine->shutdown(1000));
    PHP, ['shutdown_timeout' => 1]);

echo $node->reason, $node->err, "\n", $node->out;
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 0
bool(true)
bool(true)
channel_occupied after
channel_vacated after
channel_occupied before
channel_vacated before
