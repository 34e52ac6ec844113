--TEST--
A SIGTERM that nobody handles ends the process at once, also while it delivers the last events
--EXTENSIONS--
pcntl
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$hanging = ['shutdown_timeout' => 15, 'endpoints' => [['url' => $cluster->receiver->url('/hang'), 'timeout' => 60]]];

$running = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    echo "ready\n";
    fgets(STDIN);
    PHP, $hanging);
$running->await('ready');

$ending = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'b', '1.1');
    register_shutdown_function(function () {
        echo "ready\n";
    });
    PHP, $hanging);
$ending->await('ready');
until('its last request to be under way', fn () => str_contains($cluster->receiver->story(), 'channel_occupied b'));

foreach ([$running, $ending] as $node) {
    $began = microtime(true);
    $node->signal(SIGTERM);
    $ended = $node->end();
    echo $ended->reason, $ended->err, microtime(true) - $began < 1 ? ', at once' : ', late', "\n";
}
?>
--EXPECT--
signal 15, at once
signal 15, at once
