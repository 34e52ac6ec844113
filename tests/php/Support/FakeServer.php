<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Illuminate\Contracts\Foundation\Application;
use ReflectionMethod;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Contracts\Logger;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\Resonate\Protocols\Pusher\Server;
use Webpatser\Resonate\Scheduling\Scheduler;

/**
 * A Resonate server without a network. Plugins, hooks and ticks work as in a real server; clients are scripted.
 *
 * Applications and plugins come from the `reverb` config, and classes from
 * the real package if it is installed.
 */
final class FakeServer
{
    private RecordingLogger $logger;

    private Scheduler $scheduler;

    /**
     * @var array<string, FakeClient>
     */
    private array $clients = [];

    /**
     * Boot the plugins and schedule their ticks on the event loop.
     */
    public function __construct(private Application $laravel)
    {
        $laravel->instance(Logger::class, $this->logger = new RecordingLogger);

        $this->scheduler = $laravel->make(Scheduler::class);

        $manager = $laravel->make(PluginManager::class);
        $manager->boot();

        foreach ($manager->ticks() as $tick) {
            $this->scheduler->repeat($tick['interval'], $tick['callback'], 'plugin:tick');
        }
    }

    /**
     * Connect a client to the application with a key.
     */
    public function connect(string $appKey = 'key-1'): FakeClient
    {
        $client = new FakeClient(
            $this->laravel->make(Server::class),
            new FakeConnection($this->laravel->make(ApplicationProvider::class)->findByKey($appKey)),
        );

        return $this->clients[$client->id()] = $client;
    }

    /**
     * Register a plugin after all others that decides on every message.
     *
     * @param  Closure(Connection, array<string, mixed>): MessageDisposition  $judgement
     */
    public function judge(Closure $judgement): JudgingPlugin
    {
        $this->laravel->make(PluginManager::class)->register($judge = new JudgingPlugin($judgement));

        return $judge;
    }

    /**
     * Start to drain, as after SIGUSR2: ticks stop while the clients are still connected.
     */
    public function drain(): void
    {
        $this->scheduler->cancelAll();
    }

    /**
     * Stop, as after SIGTERM: ticks stop, and since 0.5.1 every client is disconnected.
     */
    public function stop(): void
    {
        $this->drain();

        if (self::rejects()) {
            $this->disconnect();
        }

        $this->clients = [];
    }

    /**
     * Disconnect every client.
     */
    public function disconnect(): void
    {
        foreach ($this->clients as $client) {
            $client->close();
        }
    }

    /**
     * Determine if this Resonate closes rejected connections, and all connections when it stops, which is so since 0.5.1.
     */
    public static function rejects(): bool
    {
        return (string) (new ReflectionMethod(Server::class, 'open'))->getReturnType() === 'bool';
    }

    /**
     * Get the exceptions that plugins threw in hooks and ticks.
     *
     * @return list<string>
     */
    public function pluginErrors(): array
    {
        return array_values(preg_grep('/^(Plugin|Scheduled task) /', $this->logger->errors) ?: []);
    }
}
