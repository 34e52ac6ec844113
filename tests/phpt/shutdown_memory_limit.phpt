--TEST--
A process that reaches its memory limit inside of a hook call delivers all events
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;

$node = $cluster->run(<<<'PHP'
    $engine->subscribed('app', 'a', '1.1');

    for ($i = 0; $i < 3000; $i++) {
        $engine->subscribed('app', "channel-{$i}", '1.1');
    }
    $engine->shutdown(5000);

    // Each result takes memory. One of these calls exceeds the limit.
    $all = [];
    while (true) {
        $all[] = $engine->channels(0, 3000);
        $all[] = $engine->stats();
    }
    PHP, ['shutdown_timeout' => 10], ['memory_limit' => '8M']);

echo $node->reason, ', ', preg_match('/Allowed memory size .* in .*node-1\.php/', $node->err), " fatal error\n";
$counts = array_count_values(array_column($cluster->receiver->events(), 'name'));
ksort($counts);
echo json_encode($counts), "\n";
?>
--EXPECT--
exit code 255, 1 fatal error
{"channel_occupied":3001,"channel_vacated":3001}
