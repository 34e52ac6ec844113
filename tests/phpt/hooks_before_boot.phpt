--TEST--
Before boot() every hook is accepted and does nothing
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

$engine = new Engine([]);

$engine->registerApp('app', 'key', 'secret');
$engine->subscribed('app', 'presence-a', '1.1', '7');
$engine->clientEvent('app', 'presence-a', '1.1', '{"event":"client-x","channel":"presence-a"}', '7');
$engine->unsubscribed('app', 'presence-a', '1.1');
$engine->closed('app', '1.1');
$engine->reconcile('app', 'presence-a', ['1.1' => '7']);
$engine->present('app', 'presence-a', ['1.1' => '7']);
$engine->absent('app', 'presence-a', ['1.1']);

echo json_encode([$engine->dirtyChannels(), $engine->channels(0, 100), $engine->sockets('app', 'presence-a', 0, 100), $engine->poll()]), "\n";
echo 'counted: ', array_sum($engine->stats()), "\n";

$began = microtime(true);
echo 'left: ', $engine->shutdown(5000) ? 'nothing' : 'something', "\n";
echo 'at once: ', microtime(true) - $began < 0.05 ? 'yes' : 'no', "\n";
?>
--EXPECT--
[[],[0,[]],[0,[]],[]]
counted: 0
left: nothing
at once: yes
