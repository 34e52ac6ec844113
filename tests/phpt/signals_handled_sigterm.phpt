--TEST--
After a SIGTERM that PHP handles with an exit, all events are delivered
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    pcntl_async_signals(true);
    pcntl_signal(SIGTERM, fn () => exit(0));

    $engine->subscribed('app', 'a', '1.1');
    echo "ready\n";

    until('the signal', fn () => false);
    PHP);

$node->awaitLine('ready');
$node->signal(SIGTERM);
$ended = $node->end();

echo $ended->reason, $ended->err, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 0
channel_occupied a
channel_vacated a
