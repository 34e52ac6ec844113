--TEST--
A config with a value that config:cache cannot store is refused with the name of the key
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/refuses.inc';

enum Kind: string
{
    case Redis = 'redis';
}

$itself = ['ttl' => 90];
$itself['endpoints'] = &$itself;
$host = '127.0.0.1';

refuses('object', fn () => new Engine(['connection' => ['host' => new ArrayObject]]));
refuses('closure', fn () => new Engine(['endpoints' => [['url' => fn () => 'https://example.com']]]));
refuses('enum', fn () => new Engine(['connection' => ['host' => Kind::Redis]]));
refuses('stringable', fn () => new Engine(['key_prefix' => new Exception]));
refuses('resource', fn () => new Engine(['ttl' => STDIN]));
refuses('not a number', fn () => new Engine(['ttl' => NAN]));
refuses('infinity', fn () => new Engine(['shutdown_timeout' => INF]));
refuses('an array in itself', fn () => new Engine($itself));
refuses('a reference', fn () => new Engine(['connection' => ['host' => &$host]]));
?>
--EXPECTF--
object: InvalidArgumentException: resonate-webhooks.connection.host: an object is not plain data
closure: InvalidArgumentException: resonate-webhooks.endpoints.0.url: an object is not plain data
enum: InvalidArgumentException: resonate-webhooks.connection.host: an object is not plain data
stringable: InvalidArgumentException: resonate-webhooks.key_prefix: an object is not plain data
resource: InvalidArgumentException: resonate-webhooks.ttl: a resource is not plain data
not a number: InvalidArgumentException: resonate-webhooks.ttl: expected a finite number
infinity: InvalidArgumentException: resonate-webhooks.shutdown_timeout: expected a finite number
an array in itself: InvalidArgumentException: resonate-webhooks.endpoints.%s: nested more than 16 levels deep
a reference: accepted
