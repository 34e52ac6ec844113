--TEST--
A closed stderr does not disturb the end
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->node(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');
    until('the request to be under way', fn () => $engine->stats()['attempts'] > 0);
    echo "ready\n";
    fgets(STDIN);
    exit(3);
    PHP, ['shutdown_timeout' => 0.2, 'endpoints' => [['url' => $cluster->receiver->url('/hang')]]]);

$node->awaitLine('ready');
$node->closeStderr();
$node->writeLine('go on');
$ended = $node->end();

echo $ended->reason, $ended->err, "\n";
?>
--EXPECT--
exit code 3
