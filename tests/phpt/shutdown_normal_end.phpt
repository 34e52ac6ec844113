--TEST--
A script that ends normally delivers all events and releases its holds
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    echo "ready\n";
    fgets(STDIN);
    $engine->subscribed('app', 'presence-a', '1.1', '7');
    $engine->subscribed('app', 'b', '1.1');
    $engine->unsubscribed('app', 'b', '1.1');
    PHP);

$node->awaitLine('ready');
$node->writeLine('go on');
$ended = $node->end();

echo $ended->reason, $ended->err, "\n";
echo 'long before shutdown_timeout: ', $ended->seconds < 5 ? 'yes' : $ended->seconds, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 0
long before shutdown_timeout: yes
channel_occupied b
channel_vacated b
channel_occupied presence-a
member_added presence-a 7
member_removed presence-a 7
channel_vacated presence-a
