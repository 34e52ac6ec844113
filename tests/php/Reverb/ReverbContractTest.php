<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use Tests\PluginTestCase;
use Tests\Support\Process;

/**
 * The parts of Reverb that the package and its tests use: of the real classes if REVERB_AUTOLOAD names their autoloader or
 * Composer has installed them, otherwise of the stand-ins.
 */
#[Group('reverb')]
final class ReverbContractTest extends PluginTestCase
{
    /**
     * The methods by class, in the namespace `Laravel\Reverb`.
     */
    private const array SIGNATURES = [
        'Application' => ['id(): string', 'key(): string', 'secret(): string', 'acceptClientEventsFrom(): string'],
        'Contracts\ApplicationProvider' => ['all(): Collection', 'findById(string $id): Application', 'findByKey(string $key): Application'],
        'Contracts\Connection' => [
            '__construct(WebSocketConnection $connection, Application $application, ?string $origin)',
            'id(): string', 'identifier(): string', 'app(): Application', 'send(string $message): void', 'terminate(): void', 'disconnect(): void',
        ],
        'Events\MessageReceived' => ['__construct(Connection $connection, string $message)'],
        'Protocols\Pusher\Server' => ['open(Connection $connection): void', 'message(Connection $from, string $message): void', 'close(Connection $connection): void'],
        'Protocols\Pusher\EventHandler' => [
            'acknowledge(Connection $connection): void',
            'subscribe(Connection $connection, string $channel, ?string $auth, ?string $data): void',
            'afterSubscribe(Channel $channel, Connection $connection): void',
        ],
        'Protocols\Pusher\Contracts\ChannelManager' => [
            'app(): ?Application', 'for(Application $application): ChannelManager', 'all(): array', 'find(string $channel): ?Channel',
            'findOrCreate(string $channel): Channel', 'unsubscribeFromAll(Connection $connection): void',
        ],
        'Protocols\Pusher\Contracts\ChannelConnectionManager' => [
            'for(string $name): ChannelConnectionManager', 'add(Connection $connection, array $data): void',
            'remove(Connection $connection): void', 'find(Connection $connection): ?ChannelConnection',
            'findById(string $id): ?ChannelConnection', 'all(): array', 'isEmpty(): bool', 'flush(): void',
        ],
        'Protocols\Pusher\Managers\ArrayChannelConnectionManager' => ['add(Connection $connection, array $data): void', 'remove(Connection $connection): void'],
        'Protocols\Pusher\Channels\Channel' => ['name(): string', 'connections(): array', 'find(Connection $connection): ?ChannelConnection'],
        'Protocols\Pusher\Channels\CacheChannel' => ['hasCachedPayload(): bool'],
        'Protocols\Pusher\Channels\ChannelConnection' => ['connection(): Connection', 'data(?string $key): mixed'],
    ];

    public function test_reverb_has_every_method_with_its_signature(): void
    {
        $this->assertSame(self::SIGNATURES, $this->described()['signatures']);
    }

    public function test_the_server_gets_its_handler_from_the_container(): void
    {
        $this->assertSame(['ChannelManager', 'EventHandler'], $this->described()['server']);
    }

    public function test_the_connections_are_a_property_that_a_subclass_can_read(): void
    {
        $this->assertSame(['connections' => 'protected', 'name' => 'protected'], $this->described()['properties']);
    }

    public function test_the_command_that_runs_the_server_has_this_name(): void
    {
        $this->assertSame('reverb:start', $this->described()['command']);
    }

    /**
     * Get the facts from a process with Reverb, whose classes must not be loaded into this one, where Resonate is tested.
     *
     * @return array<string, mixed>
     */
    private function described(): array
    {
        $process = Process::php('reverb-contract.php', 'the contract');
        $process->writeLine((string) json_encode(array_map(fn (array $signatures) => array_map(fn (string $signature) => strtok($signature, '('), $signatures), self::SIGNATURES)));
        $process->hangUp();

        return json_decode(implode("\n", $process->rest()), true, flags: JSON_THROW_ON_ERROR);
    }
}
