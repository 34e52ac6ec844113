--TEST--
Engines that are created but never booted leave nothing
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

$resident = function (): int {
    preg_match('/^VmRSS:\s+(\d+) kB$/m', file_get_contents('/proc/self/status'), $match);

    return (int) $match[1] * 1024;
};

$make = function (int $count): void {
    for ($i = 0; $i < $count; $i++) {
        $engine = new Engine([]);
        $engine->subscribed('app', 'a', '1.1');
    }
};

$make(5);
$before = $resident();
$make(100);
$grown = $resident() - $before;

echo $grown < 20 << 20 ? 'nothing' : "{$grown} bytes", " left behind\n";
?>
--EXPECT--
nothing left behind
