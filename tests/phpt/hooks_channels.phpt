--TEST--
channels() iterates over all channels in pages, and accepts every cursor
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();
$engine->registerApp('other', 'key', 'secret');

for ($i = 0; $i < 250; $i++) {
    $engine->subscribed($i % 2 ? 'app' : 'other', "channel-{$i}", "1.{$i}");
}
$engine->shutdown(5000);

$seen = [];
$portions = 0;
$cursor = 0;
do {
    while (($page = $engine->channels($cursor, 100)) === null);
    [$next, $portion] = $page;

    foreach ($portion as [$app, $channel]) {
        $seen["{$app} {$channel}"] = true;
    }
    $portions++;
    $cursor = $next;
} while ($cursor !== 0);

echo count($seen), " in {$portions} portions\n";
echo isset($seen['app channel-1'], $seen['other channel-0']) ? "each with its application\n" : "mixed up\n";

foreach ([[-1, 10], [0, -1], [0, 0], [PHP_INT_MAX, PHP_INT_MAX], [PHP_INT_MIN, PHP_INT_MIN], [0, PHP_INT_MAX]] as [$cursor, $limit]) {
    while (($page = $engine->channels($cursor, $limit)) === null);
    [$next, $portion] = $page;
    echo count($portion), ' ';
}
?>
--EXPECT--
250 in 3 portions
each with its application
10 0 0 0 0 250
