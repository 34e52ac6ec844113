--TEST--
A secret that is not valid text is refused without an exception, whose trace would show it
--FILE--
<?php
require __DIR__.'/support/cluster.inc';

$cluster = new Cluster;
$engine = $cluster->engine();
$engine->poll();

$engine->registerApp('other', 'key', "hidden\xFF");
echo $engine->poll()[0]['message'], "\n";
?>
--EXPECT--
Key or secret of application "other" is not valid UTF-8: its webhooks cannot be signed
