--TEST--
exit(4) inside a fiber, with others suspended, delivers all events
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $waiting = new Fiber(function () use ($engine) {
        $engine->subscribed('app', 'a', '1.1');
        Fiber::suspend();
    });
    $waiting->start();

    $leaving = new Fiber(function () use ($engine) {
        $engine->subscribed('app', 'b', '1.2');
        exit(4);
    });
    $leaving->start();

    echo 'not reached';
    PHP);

echo $node->reason, $node->out, $node->err, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 4
channel_occupied a
channel_vacated a
channel_occupied b
channel_vacated b
