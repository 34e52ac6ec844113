--TEST--
The committed stub describes exactly the classes of the extension
--FILE--
<?php
// A PHP without the extension loads the stub, and both run the same reflection.
$ask = <<<'PHP'
    if (isset($argv[1])) require $argv[1];

    $type = fn (?ReflectionType $type) => $type === null ? '' : ": {$type}";

    $names = array_filter(get_declared_classes(), fn ($name) => str_starts_with($name, 'Webpatser\\'));
    sort($names);

    foreach ($names as $name) {
        $class = new ReflectionClass($name);
        $lines = [];

        foreach ($class->getReflectionConstants() as $constant) {
            $modifiers = implode(' ', Reflection::getModifierNames($constant->getModifiers()));
            $lines[] = "{$modifiers} const {$constant->name} = ".var_export($constant->getValue(), true);
        }
        foreach ($class->getProperties() as $property) {
            $lines[] = implode(' ', Reflection::getModifierNames($property->getModifiers()))." \${$property->name}{$type($property->getType())}";
        }
        foreach ($class->getMethods() as $method) {
            $parameters = array_map(
                fn ($parameter) => ($parameter->isPassedByReference() ? '&' : '').($parameter->isVariadic() ? '...' : '')
                    .$parameter->name.$type($parameter->getType())
                    .($parameter->isDefaultValueAvailable() ? ' = '.var_export($parameter->getDefaultValue(), true) : '')
                    .($parameter->isOptional() ? ' (optional)' : ''),
                $method->getParameters(),
            );
            $modifiers = implode(' ', Reflection::getModifierNames($method->getModifiers()));
            $lines[] = "{$modifiers} {$method->name}(".implode(', ', $parameters).')'.$type($method->getReturnType());
        }

        sort($lines);
        $parent = $class->getParentClass() ? $class->getParentClass()->name : 'nothing';
        echo "{$name} extends {$parent} implements ", implode(', ', $class->getInterfaceNames()) ?: 'nothing', "\n",
            '  ', implode("\n  ", $lines), "\n";
    }
    PHP;

$stub = dirname(__DIR__, 2).'/stubs/resonate_webhooks.stubs.php';
$php = escapeshellarg(PHP_BINARY).' -n';

$described = shell_exec("{$php} -r ".escapeshellarg($ask).' '.escapeshellarg($stub));
$loaded = shell_exec("{$php} ".getenv('TEST_PHP_EXTRA_ARGS').' -r '.escapeshellarg($ask));

echo $loaded;
echo $described === $loaded ? 'The stub says the same.' : "The stub says:\n{$described}", "\n";
?>
--EXPECTF--
Webpatser\ResonateWebhooks\Native\Cluster extends nothing implements nothing
  public __construct(config: array)
  public adopt(): ?string
  public disabled(): array
  public endpoints(called: ?string = NULL (optional)): array
  public history(endpoints: array, minutes: int = 60 (optional), step: int = 1 (optional)): array
  public metrics(): string
  public pause(endpoint: string): bool
  public paused(): array
  public refusals(): array
  public resume(endpoint: string): bool
  public status(): array
  public test(endpoint: string, key: string, secret: string): ?array
  public warnings(): array
  public watch(last: ?string = NULL (optional)): array
Webpatser\ResonateWebhooks\Native\DeadLetters extends nothing implements nothing
  public __construct(config: array)
  public count(): int
  public find(id: string): ?array
  public flush(olderThan: int = 0 (optional)): int
  public forget(ids: array): int
  public list(limit: int = 50 (optional), before: ?string = NULL (optional)): array
  public missing(): array
  public retry(ids: array): int
  public retryAll(): int
Webpatser\ResonateWebhooks\Native\Engine extends nothing implements nothing
  public __construct(config: array)
  public absent(appId: string, channel: string, sockets: array): void
  public boot(): void
  public cacheSeen(appId: string, channel: string, empty: bool): void
  public channels(cursor: int, limit: int): ?array
  public clientEvent(appId: string, channel: string, socketId: string, message: string, userId: ?string = NULL (optional)): void
  public closed(appId: string, socketId: string): void
  public const VERSION = '%d.%d.%d'
  public dirtyChannels(): array
  public opened(appId: string, socketId: string): void
  public poll(max: int = 256 (optional)): array
  public present(appId: string, channel: string, sockets: array): void
  public reconcile(appId: string, channel: string, sockets: array): void
  public registerApp(appId: string, key: string, secret: string): void
  public seconds(): array
  public send(appId: string, event: string, channel: ?string = NULL (optional), data: ?string = NULL (optional)): bool
  public setEndpoints(config: array): void
  public shutdown(deadlineMs: int): bool
  public sockets(appId: string, channel: string, cursor: int, limit: int): ?array
  public static keys(array: array, position: int, limit: int): array
  public stats(): array
  public subscribed(appId: string, channel: string, socketId: string, userId: ?string = NULL (optional), userData: ?string = NULL (optional)): void
  public unsubscribed(appId: string, channel: string, socketId: string): void
  public wantedApps(): array
  public wantsCacheMisses(): bool
  public wantsConnections(): bool
  public wantsMemberData(): bool
Webpatser\ResonateWebhooks\Native\EventSender extends nothing implements nothing
  public __construct(config: array)
  public send(appId: string, event: string, channel: ?string = NULL (optional), data: ?string = NULL (optional)): bool
Webpatser\ResonateWebhooks\Native\Presence extends nothing implements nothing
  public __construct(config: array)
  public channels(appId: string, prefix: string, limit: int, cursor: ?string = NULL (optional)): array
  public count(appId: string, channel: string): int
  public members(appId: string, channel: string, limit: int, cursor: ?string = NULL (optional)): array
  public occupied(appId: string, channel: string): bool
The stub says the same.
