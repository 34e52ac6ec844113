--TEST--
present() only adds, absent() only removes, and sockets() returns the sockets of a channel in pages
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

$engine->subscribed('app', 'presence-a', '1.1', '1');
$engine->present('app', 'presence-a', ['1.2' => '2', '42' => 3, '1.2' => '2', "\xff" => '']);
$engine->shutdown(5000);
echo $cluster->receiver->eventLines();

$seen = [];
$cursor = 0;
do {
    while (($page = $engine->sockets('app', 'presence-a', $cursor, 3)) === null);
    [$cursor, $sockets] = $page;
    $seen = [...$seen, ...$sockets];
    echo count($sockets), ' ';
} while ($cursor !== 0);

sort($seen, SORT_STRING);
echo json_encode(array_map(bin2hex(...), $seen)), "\n";
echo json_encode([$engine->sockets('app', 'presence-b', 0, 9), $engine->sockets('other', 'presence-a', 0, 9)]), "\n";

$engine->absent('app', 'presence-a', ['1.2', 42, 'never there', null]);
$engine->absent('app', 'presence-a', []);
$engine->shutdown(5000);
echo 'sockets: ', $engine->stats()['sockets'], ', repairs: ', $engine->stats()['reconcile_repairs'], "\n";
?>
--EXPECT--
channel_occupied presence-a
member_added presence-a 1
member_added presence-a 2
member_added presence-a 3
3 1 ["312e31","312e32","3432","ff"]
[[0,[]],[0,[]]]
sockets: 2, repairs: 5
