--TEST--
Many engines end together: all of them wait for a hanging Redis within one shutdown_timeout
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$script = <<<'PHP'
    $engines = [$engine];
    for ($i = 1; $i < 8; $i++) {
        $engines[$i] = new Webpatser\ResonateWebhooks\Native\Engine(['key_prefix' => "wh{$i}"] + $config);
        $engines[$i]->boot();
        $engines[$i]->registerApp('app', 'app-key', 'app-secret');
    }
    foreach ($engines as $i => $each) {
        $each->subscribed('app', "of engine {$i}", '1.1');
    }
    echo "ready\n";
    fgets(STDIN);
    exit(3);
    PHP;

$node = $cluster->node($script);
$node->awaitLine('ready');
$node->writeLine('go on');
$ended = $node->end();
echo $ended->reason, $ended->err, "\n";
echo $cluster->receiver->eventLines();

$node = $cluster->node($script, ['shutdown_timeout' => 1.5]);
$node->awaitLine('ready');
$cluster->redis->freeze();
$node->writeLine('go on');
$ended = $node->end();
$cluster->redis->thaw();

echo $ended->reason, ', ', substr_count($ended->err, 'the process ended with'), " lines\n";
echo 'it took shutdown_timeout once: ', $ended->tookOnce(1.5), "\n";
?>
--EXPECT--
exit code 3
channel_occupied of engine 0
channel_vacated of engine 0
channel_occupied of engine 1
channel_vacated of engine 1
channel_occupied of engine 2
channel_vacated of engine 2
channel_occupied of engine 3
channel_vacated of engine 3
channel_occupied of engine 4
channel_vacated of engine 4
channel_occupied of engine 5
channel_vacated of engine 5
channel_occupied of engine 6
channel_vacated of engine 6
channel_occupied of engine 7
channel_vacated of engine 7
exit code 3, 8 lines
it took shutdown_timeout once: yes
