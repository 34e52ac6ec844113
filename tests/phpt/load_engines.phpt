--TEST--
Engines that are created but never booted leave nothing
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/resident.inc';

$make = function (int $count): void {
    for ($i = 0; $i < $count; $i++) {
        $engine = new Engine([]);
        $engine->subscribed('app', 'a', '1.1');
    }
};

$make(5);
$before = resident_bytes();
$make(100);
$grown = resident_bytes() - $before;

echo $grown < 20 << 20 ? 'nothing' : "{$grown} bytes", " left behind\n";
?>
--EXPECT--
nothing left behind
