--TEST--
An engine is created by its constructor only: it cannot be extended, cloned, serialized or created without it
--FILE--
<?php
use Webpatser\ResonateWebhooks\Native\Engine;

require __DIR__.'/support/refuses.inc';

$class = new ReflectionClass(Engine::class);
$name = Engine::class;

echo 'final: ', var_export($class->isFinal(), true), "\n";
echo 'instantiable: ', var_export($class->isInstantiable(), true), "\n";
echo 'version: ', Engine::VERSION === phpversion('resonate_webhooks') ? 'of the extension' : Engine::VERSION, "\n";

refuses('clone', fn () => clone new Engine([]));
refuses('serialize', fn () => serialize(new Engine([])));
refuses('unserialize O', fn () => unserialize('O:'.strlen($name).':"'.$name.'":0:{}'));
refuses('unserialize C', fn () => unserialize('C:'.strlen($name).':"'.$name.'":0:{}'));
refuses('without constructor', fn () => $class->newInstanceWithoutConstructor());
refuses('lazy ghost', fn () => $class->newLazyGhost(fn () => null));
refuses('lazy proxy', fn () => $class->newLazyProxy(fn () => new Engine([])));

eval('class Mine extends '.$name.' {}');
?>
--EXPECTF--
final: true
instantiable: true
version: of the extension
clone: Error: Trying to clone an uncloneable object of class Webpatser\ResonateWebhooks\Native\Engine
serialize: Exception: Serialization of 'Webpatser\ResonateWebhooks\Native\Engine' is not allowed
unserialize O: Exception: Unserialization of 'Webpatser\ResonateWebhooks\Native\Engine' is not allowed
unserialize C: Exception: Unserialization of 'Webpatser\ResonateWebhooks\Native\Engine' is not allowed
without constructor: ReflectionException: Class Webpatser\ResonateWebhooks\Native\Engine is an internal class marked as final that cannot be instantiated without invoking its constructor
lazy ghost: Error: Cannot make instance of internal class lazy: Webpatser\ResonateWebhooks\Native\Engine is internal
lazy proxy: Error: Cannot make instance of internal class lazy: Webpatser\ResonateWebhooks\Native\Engine is internal

Fatal error: Class Mine cannot extend final class Webpatser\ResonateWebhooks\Native\Engine in %A
