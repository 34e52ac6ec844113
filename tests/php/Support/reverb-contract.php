<?php

declare(strict_types=1);

/*
 * Reads method names by Reverb class from stdin, and writes their signatures and the other facts that the package needs.
 */

use Laravel\Reverb\Protocols\Pusher\Managers\ArrayChannelConnectionManager;
use Laravel\Reverb\Protocols\Pusher\Server;
use Laravel\Reverb\Servers\Reverb\Console\Commands\StartServer;

require dirname(__DIR__).'/bootstrap.php';
require __DIR__.'/reverb.php';

$short = static fn (?ReflectionType $type) => (string) preg_replace('/\w+\\\\/', '', (string) $type);
$describe = static function (ReflectionMethod $method) use ($short): string {
    $parameters = array_map(fn (ReflectionParameter $parameter) => $short($parameter->getType()).' $'.$parameter->getName(), $method->getParameters());

    return $method->getName().'('.implode(', ', $parameters).')'.($method->hasReturnType() ? ': '.$short($method->getReturnType()) : '');
};
$signatures = [];

foreach (json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR) as $class => $methods) {
    $signatures[$class] = array_map(fn (string $method) => $describe(new ReflectionMethod("Laravel\\Reverb\\{$class}", $method)), $methods);
}

$properties = array_map(
    fn (string $name) => implode(' ', Reflection::getModifierNames((new ReflectionProperty(ArrayChannelConnectionManager::class, $name))->getModifiers())),
    ['connections' => 'connections', 'name' => 'name'],
);

echo json_encode([
    'signatures' => $signatures,
    'server' => array_map(fn (ReflectionParameter $parameter) => $short($parameter->getType()), (new ReflectionMethod(Server::class, '__construct'))->getParameters()),
    'properties' => $properties,
    'command' => (new StartServer)->getName(),
]);
