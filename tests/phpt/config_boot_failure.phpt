--TEST--
A boot that fails throws EngineFailed, and hooks have no effect
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/refuses.inc';
require __DIR__.'/support/until.inc';

$engine = new Engine(['connection' => ['host' => 'tls://redis.example.com', 'ca_file' => __DIR__.'/no-such.pem']]);

refuses('without the package', fn () => $engine->boot());

spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, $namespace = 'Webpatser\\ResonateWebhooks\\')) {
        require dirname(__DIR__, 2).'/php/src/'.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';
    }
});

refuses('with the package', fn () => $engine->boot());

$engine->subscribed('app', 'a', '1.1');
until('the end of every thread', fn () => count(glob('/proc/self/task/*')) === 1);
echo 'left: ', $engine->shutdown(1000) ? 'nothing' : 'something', "\n";
?>
--EXPECTF--
without the package: RuntimeException: %s
with the package: Webpatser\ResonateWebhooks\Exceptions\EngineFailed: %s
left: nothing
