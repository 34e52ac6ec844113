--TEST--
An engine delivers even if its object outlives the request in a static, or was destroyed long before
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$kept = $cluster->run(<<<'PHP'
    final class Holder
    {
        public static $engine;
    }

    Holder::$engine = $engine;
    unset($engine);
    Holder::$engine->subscribed('app', 'kept in a static', '1.1');
    PHP);

$gone = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'object gone at once', '1.1');
    unset($engine);
    gc_collect_cycles();
    PHP);

echo $kept->reason, $kept->err, ', ', $gone->reason, $gone->err, "\n";
echo $cluster->receiver->eventLines();
?>
--EXPECT--
exit code 0, exit code 0
channel_occupied kept in a static
channel_vacated kept in a static
channel_occupied object gone at once
channel_vacated object gone at once
