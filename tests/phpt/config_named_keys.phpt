--TEST--
An invalid config is refused with the name of the key and a suggestion
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/refuses.inc';

refuses('typing error', fn () => new Engine(['flush_intervall' => 1]));
refuses('in the connection', fn () => new Engine(['connection' => ['hots' => 'redis']]));
refuses('in an endpoint', fn () => new Engine(['endpoints' => [['url' => 'https://example.com', 'event' => []]]]));
refuses('event', fn () => new Engine(['endpoints' => ['a' => ['url' => 'https://example.com', 'events' => ['channel_ocupied']]]]));
refuses('number', fn () => new Engine(['ttl' => 'soon']));
refuses('range', fn () => new Engine(['queue_size' => 0]));
refuses('type', fn () => new Engine(['key_prefix' => ['wh']]));
refuses('list', fn () => new Engine([1, 2]));
refuses('nothing wrong', fn () => new Engine(['ttl' => '90', 'flush_interval' => 1, 'endpoints' => [['url' => null]]]));

try {
    new Engine(['queue_size' => -1]);
} catch (Exception $e) {
    echo 'thrown here: ', basename($e->getFile()), ':', $e->getLine(), ', code ', $e->getCode(), "\n";
}
?>
--EXPECTF--
typing error: InvalidArgumentException: resonate-webhooks.flush_intervall: unknown key, did you mean "flush_interval"?
in the connection: InvalidArgumentException: resonate-webhooks.connection.hots: unknown key, did you mean "host"?
in an endpoint: InvalidArgumentException: resonate-webhooks.endpoints.0.event: unknown key, did you mean "events"?
event: InvalidArgumentException: resonate-webhooks.endpoints.a.events.0: %s did you mean "channel_occupied"?
number: InvalidArgumentException: resonate-webhooks.ttl: %s
range: InvalidArgumentException: resonate-webhooks.queue_size: %s
type: InvalidArgumentException: resonate-webhooks.key_prefix: expected %s, found a list
list: InvalidArgumentException: resonate-webhooks: expected an array of settings, found a list
nothing wrong: accepted
thrown here: config_named_keys.php:17, code 0
