<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\TestCase;
use ReflectionClass;
use ReflectionMethod;
use ReflectionParameter;
use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\Contracts\ConnectionLifecycle;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\Contracts\TickScheduler;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\Resonate\Protocols\Pusher\Channels\CacheChannel;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;
use Webpatser\Resonate\Protocols\Pusher\Channels\PresenceCacheChannel;
use Webpatser\Resonate\Protocols\Pusher\Channels\PrivateCacheChannel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\Resonate\Protocols\Pusher\Server;
use Webpatser\Resonate\Scheduling\Scheduler;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * The parts of Resonate that the plugin and its tests use, checked on the real classes if they are installed.
 */
#[Group('host')]
final class ResonateContractTest extends TestCase
{
    #[DataProvider('signatures')]
    public function test_resonate_has_the_method(string $class, string $signature): void
    {
        $this->assertSame($signature, self::signature(new ReflectionMethod($class, strtok($signature, '('))));
    }

    /**
     * @return iterable<string, array{0: class-string, 1: string}>
     */
    public static function signatures(): iterable
    {
        $signatures = [
            ServerPlugin::class => ['boot(PluginContext $context): void'],
            ConnectionLifecycle::class => [
                'onOpen(Connection $connection): void',
                'onClose(Connection $connection): void',
                'onSubscribe(Connection $connection, Channel $channel): void',
                'onUnsubscribe(Connection $connection, Channel $channel): void',
            ],
            MessageInterceptor::class => ['onMessage(Connection $from, array $event): MessageDisposition'],
            TickScheduler::class => ['ticks(): array'],
            Application::class => [
                'id(): string', 'key(): string', 'secret(): string', 'acceptClientEventsFrom(): string',
            ],
            ApplicationProvider::class => [
                'all(): Collection', 'findById(string $id): Application', 'findByKey(string $key): Application',
            ],
            Connection::class => [
                '__construct(WebSocketConnection $connection, Application $application, ?string $origin)',
                'id(): string', 'identifier(): string', 'app(): Application',
                'send(string $message): void', 'terminate(): void',
                'state(?string $key = null, mixed $default = null): mixed',
                'setState(string $key, mixed $value): Connection',
                'forgetState(string $key): Connection',
            ],
            Channel::class => [
                'name(): string', 'connections(): array', 'find(Connection $connection): ?ChannelConnection',
                'subscribe(Connection $connection, ?string $auth = null, ?string $data = null): void',
                'unsubscribe(Connection $connection): void',
            ],
            ChannelConnection::class => ['connection(): Connection', 'data(?string $key = null): mixed'],
            MessageReceived::class => ['__construct(Connection $connection, string $message)'],
            CacheChannel::class => ['hasCachedPayload(): bool'],
            PrivateCacheChannel::class => ['hasCachedPayload(): bool'],
            PresenceCacheChannel::class => ['hasCachedPayload(): bool'],
            ChannelManager::class => [
                'for(Application $application): ChannelManager', 'all(): array', 'find(string $channel): ?Channel',
            ],
            PluginContext::class => [
                'connectionsOn(Application|string|null $app, string $channel): array',
                'applications(): Collection',
                'application(?string $id = null): Application',
                'unsubscribe(Connection $connection, string $channel): void',
                'terminate(Connection $connection, ?string $event = null, array $data = []): void',
                'broadcast(Application|string|null $app, string $channel, string $event, array $data = [], ?Connection $except = null): void',
                'sendTo(Connection $connection, string $event, array $data = []): void',
            ],
            PluginManager::class => ['boot(): void', 'ticks(): array', 'register(ServerPlugin $plugin): void'],
            Server::class => [
                'message(Connection $from, string $message): void',
                'close(Connection $connection): void',
            ],
            Scheduler::class => [
                'repeat(float $interval, callable $callback, string $name): string', 'cancelAll(): void',
            ],
        ];

        foreach ($signatures as $class => $methods) {
            foreach ($methods as $signature) {
                yield class_basename($class).'::'.strtok($signature, '(') => [$class, $signature];
            }
        }
    }

    /**
     * The result is void up to 0.5.0, where a rejected connection stays open.
     */
    public function test_a_connection_is_opened_or_rejected(): void
    {
        $this->assertContains(self::signature(new ReflectionMethod(Server::class, 'open')), [
            'open(Connection $connection): void',
            'open(Connection $connection): bool',
        ]);
    }

    /**
     * The plugin uses this to detect if the scope of the manager is shared, as before 0.6.
     */
    public function test_the_channel_manager_has_a_shared_scope_or_counts_connections(): void
    {
        $this->assertNotSame(
            method_exists(ChannelManager::class, 'addConnection'),
            method_exists(ChannelManager::class, 'incrementConnectionCount'),
        );
    }

    public function test_listeners_can_read_a_received_message(): void
    {
        $received = new ReflectionClass(MessageReceived::class);

        $this->assertTrue($received->getProperty('connection')->isPublic());
        $this->assertTrue($received->getProperty('message')->isPublic());
    }

    public function test_a_message_is_handled_rejected_or_relayed(): void
    {
        $this->assertSame(['Handled', 'Rejected', 'Relay'], array_column(MessageDisposition::cases(), 'name'));
    }

    public function test_the_plugin_has_all_four_capabilities_and_can_be_built_and_extended(): void
    {
        $plugin = new ReflectionClass(WebhookPlugin::class);

        $this->assertEqualsCanonicalizing(
            [ServerPlugin::class, ConnectionLifecycle::class, MessageInterceptor::class, TickScheduler::class],
            $plugin->getInterfaceNames(),
        );
        $this->assertNull($plugin->getConstructor());
        $this->assertFalse($plugin->isFinal());
    }

    public function test_the_classes_come_from_one_place_only(): void
    {
        $standins = str_replace('\\', '/', __DIR__).'/Standins/';

        $here = array_map(
            fn (string $class) => str_starts_with((string) (new ReflectionClass($class))->getFileName(), $standins),
            [Application::class, Channel::class, PluginContext::class, Server::class],
        );

        $this->assertCount(1, array_unique($here));
    }

    /**
     * Describe a method as in its source.
     */
    private static function signature(ReflectionMethod $method): string
    {
        $parameters = array_map(self::parameter(...), $method->getParameters());
        $returns = $method->hasReturnType() ? ': '.self::short((string) $method->getReturnType()) : '';

        return $method->getName().'('.implode(', ', $parameters).')'.$returns;
    }

    private static function parameter(ReflectionParameter $parameter): string
    {
        $default = $parameter->isDefaultValueAvailable()
            ? ' = '.($parameter->getDefaultValue() === [] ? '[]' : strtolower(var_export($parameter->getDefaultValue(), true)))
            : '';

        return self::short((string) $parameter->getType()).' $'.$parameter->getName().$default;
    }

    /**
     * Remove the namespaces from a type.
     */
    private static function short(string $type): string
    {
        return (string) preg_replace('/\w+\\\\/', '', $type);
    }
}
