--TEST--
exit(3) in the middle of a script delivers all events and keeps its exit code
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    exit(3);
    PHP);

echo $node->reason, $node->err, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 3
channel_occupied a
channel_vacated a
