--TEST--
reconcile() accepts live connections with numeric keys, numeric users and references
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();

$engine->subscribed('app', 'presence-a', '1.1', '1');
$engine->shutdown(5000);

// 1.1 has left without a hook. As an array key, "42" becomes 42.
$users = ['1.2' => '2', '42' => 3, '1.4' => '4', '1.5' => '', '1.6' => null];
$text = &$users['1.4'];
$number = &$users['42'];

$engine->reconcile('app', 'presence-a', $users);
$engine->reconcile('app', 'public', ['7' => '', '8' => '']);
$engine->reconcile('app', 'nobody', []);
$engine->shutdown(5000);

// The order of the two is not specified.
$told = function () use ($cluster): array {
    $lines = explode("\n", trim($cluster->receiver->eventLines()));
    sort($lines);

    return $lines;
};

$before = $told();
echo implode("\n", $before), "\n";
echo 'sockets: ', $engine->stats()['sockets'], "\n";

$engine->closed('app', '7');
$engine->closed('app', '8');
$engine->unsubscribed('app', 'presence-a', '42');
$engine->shutdown(5000);
echo 'then: ', implode(', ', array_diff($told(), $before)), "\n";
?>
--EXPECT--
channel_occupied presence-a
channel_occupied public
member_added presence-a 1
member_added presence-a 2
member_added presence-a 3
member_added presence-a 4
member_removed presence-a 1
sockets: 7
then: channel_vacated public, member_removed presence-a 3
