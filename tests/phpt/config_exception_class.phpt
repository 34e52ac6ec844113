--TEST--
If the Composer package is available, its exceptions are loaded and thrown
--FILE--
<?php
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Native\Engine;

spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, $namespace = 'Webpatser\\ResonateWebhooks\\')) {
        require dirname(__DIR__, 2).'/php/src/'.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';
    }
});

new Engine([]);
echo 'loaded without need: ', var_export(class_exists(InvalidConfig::class, false), true), "\n";

try {
    new Engine(['ttl' => 'soon']);
} catch (WebhooksException $e) {
    echo get_class($e), ', a ', get_parent_class($e), ': ', $e->getMessage(), "\n";
}
?>
--EXPECTF--
loaded without need: false
Webpatser\ResonateWebhooks\Exceptions\InvalidConfig, a InvalidArgumentException: resonate-webhooks.ttl: %s
