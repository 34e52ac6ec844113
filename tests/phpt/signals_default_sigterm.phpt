--TEST--
An unhandled SIGTERM ends the process at once, even while it delivers the last events
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$hanging = fn (Cluster $cluster) => ['shutdown_timeout' => 15, 'endpoints' => [['url' => $cluster->receiver->url('/hang'), 'timeout' => 60]]];

$terminate = function (Node $node) {
    $began = microtime(true);
    $node->signal(SIGTERM);
    $ended = $node->end();
    echo $ended->reason, $ended->err, microtime(true) - $began < 1 ? ', at once' : ', late', "\n";
};

$cluster = new Cluster;
$running = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    echo "ready\n";
    fgets(STDIN);
    PHP, $hanging($cluster));
$running->awaitLine('ready');
$terminate($running);

// A separate cluster: in the same one, the other node may own the partition of this event, with a hanging lane.
$another = new Cluster;
$ending = $another->node(<<<'PHP'
    $engine->subscribed('app', 'b', '1.1');
    register_shutdown_function(function () {
        echo "ready\n";
    });
    PHP, $hanging($another));
$ending->awaitLine('ready');
until('its last request to be under way', fn () => str_contains($another->receiver->eventLines(), 'channel_occupied b'));
$terminate($ending);
?>
--EXPECT--
signal 15, at once
signal 15, at once
