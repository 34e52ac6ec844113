--TEST--
Loading the extension and creating an engine requires no setting, starts no thread and opens no connection
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

$threads = fn () => count(glob('/proc/self/task/*'));
$sockets = fn () => count(array_filter(glob('/proc/self/fd/*'), fn ($fd) => str_starts_with((string) @readlink($fd), 'socket:')));
$before = $sockets();

$extension = new ReflectionExtension('resonate_webhooks');
echo 'settings: ', count($extension->getINIEntries()), "\n";
echo 'functions: ', count($extension->getFunctions()), "\n";
echo 'constants: ', count($extension->getConstants()), "\n";
echo 'threads: ', $threads(), "\n";

$engine = new Engine([]);
echo 'threads with an engine made: ', $threads(), "\n";
echo 'sockets opened: ', $sockets() - $before, "\n";
?>
--EXPECT--
settings: 0
functions: 0
constants: 0
threads: 1
threads with an engine made: 1
sockets opened: 0
