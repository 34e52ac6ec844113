--TEST--
After a fatal error, which skips every destructor, all events are delivered
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');

    eval('interface Same {} interface Same {}');
    PHP);

echo $node->reason, ', ', substr_count($node->err, 'Fatal error'), " fatal error\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 255, 1 fatal error
channel_occupied a
channel_vacated a
