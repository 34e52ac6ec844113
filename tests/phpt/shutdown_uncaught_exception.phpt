--TEST--
An uncaught exception exits with 255 as usual, and all events are delivered
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');

    (new Fiber(fn () => throw new LogicException('nobody catches this')))->start();
    PHP);

echo $node->reason, ', ', substr_count($node->err, 'nobody catches this'), " message\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 255, 1 message
channel_occupied a
channel_vacated a
