--TEST--
Data with another number of shards is refused with the package's exception, also by adopt()
--FILE--
<?php
use Webpatser\ResonateWebhooks\Exceptions\RedisMisconfigured;
use Webpatser\ResonateWebhooks\Native\Cluster as Client;

require __DIR__.'/support/cluster.inc';

spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, $namespace = 'Webpatser\\ResonateWebhooks\\')) {
        require dirname(__DIR__, 2).'/php/src/'.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';
    }
});

$cluster = new Cluster;
$config = fn (int $shards): array => $cluster->config([
    'connection' => ['host' => $cluster->redis->socket, 'shards' => $shards],
    'cluster' => ['name' => 'app'],
]);

$engine = $cluster->engine($config(4));
$engine->subscribed('app', 'a', '1.1');
until('the edge', fn () => $cluster->receiver->events() !== []);

try {
    (new Client($config(2)))->adopt();
} catch (RedisMisconfigured $e) {
    echo $e::class, ': ', $e->getMessage(), "\n";
}

$engine->shutdown(5000);
?>
--EXPECTF--
Webpatser\ResonateWebhooks\Exceptions\RedisMisconfigured: %sshards%s
