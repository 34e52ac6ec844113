--TEST--
phpinfo() and php --ri show the version and the number of running engines
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

passthru(escapeshellarg(PHP_BINARY).' -n '.getenv('TEST_PHP_EXTRA_ARGS').' --ri resonate_webhooks');

$running = function (): string {
    ob_start();
    phpinfo(INFO_MODULES);

    return preg_match('/^resonate_webhooks => enabled\n.*^engines => (\d+)$/ms', ob_get_clean(), $match) ? $match[1] : 'no table';
};

echo 'none yet: ', $running(), "\n";

$engine = new Engine(['shutdown_timeout' => 0]);
echo 'made: ', $running(), "\n";

$engine->boot();
$engine->boot();
echo 'booted: ', $running(), "\n";

unset($engine);
echo 'its object gone: ', $running(), "\n";
?>
--EXPECTF--

resonate_webhooks

resonate_webhooks => enabled
version => %d.%d.%d
engines => 0
none yet: 0
made: 0
booted: 1
its object gone: 1
