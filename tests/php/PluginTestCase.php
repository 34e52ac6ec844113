<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\FakeServer;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

/**
 * Tests the plugin with the real engine, a real Redis and a real receiver. Each test has its own keys and path.
 */
abstract class PluginTestCase extends TestCase
{
    protected ?TestApplication $application = null;

    protected ?FakeServer $server = null;

    private string $name;

    private bool $repeats = true;

    protected function setUp(): void
    {
        $this->assertTrue(extension_loaded('resonate_webhooks'), 'run the tests with -d extension=...');

        $this->name = bin2hex(random_bytes(4));
    }

    protected function tearDown(): void
    {
        $errors = $this->server?->pluginErrors() ?? [];

        $this->server?->stop();
        $this->application?->remove($this);

        $this->assertSame([], $errors, 'the plugin threw an exception');
    }

    /**
     * Get the path on which this test receives webhooks.
     */
    protected function path(string $prefix = ''): string
    {
        return "{$prefix}/{$this->name}";
    }

    /**
     * Get the config of an endpoint on a path of this test.
     *
     * @param  array<string, mixed>  $more
     * @return array<string, mixed>
     */
    protected function endpoint(string $prefix = '', array $more = []): array
    {
        return ['url' => Receiver::shared()->url($this->path($prefix)), ...$more];
    }

    /**
     * Get a `resonate-webhooks` config with short intervals and its own key prefix.
     *
     * @param  array<string, mixed>  $changes
     * @return array<string, mixed>
     */
    protected function config(array $changes = []): array
    {
        return [
            'connection' => RedisServer::shared()->connection(),
            'key_prefix' => "wh-{$this->name}",
            'flush_interval' => 0.05,
            'shutdown_timeout' => 0.5,
            'endpoints' => [$this->endpoint()],
            ...$changes,
        ];
    }

    /**
     * Boot a server with the plugin in this process.
     *
     * @param  array<string, mixed>  $changes  To the config.
     * @param  list<array<string, mixed>>  $apps
     */
    protected function serve(array $changes = [], array $apps = []): FakeServer
    {
        $this->application = new TestApplication($this->config($changes), $apps);

        return $this->server = new FakeServer($this->application->laravel);
    }

    /**
     * Start a server with the plugin as a separate process.
     *
     * @param  array<string, mixed>  $changes  To the config.
     * @param  list<array<string, mixed>>  $apps
     */
    protected function node(array $changes = [], array $apps = []): Node
    {
        return new Node($this->config($changes), $apps);
    }

    /**
     * Start a Reverb server with the webhooks as a separate process.
     *
     * @param  array<string, mixed>  $changes  To the config.
     * @param  list<array<string, mixed>>  $apps
     * @param  list<string>  $with  The additions of the application; see `reverb-node.php`.
     */
    protected function reverb(array $changes = [], array $apps = [], array $with = []): Node
    {
        return new Node($this->config($changes), $apps, script: 'reverb-node.php', with: $with);
    }

    /**
     * Kill a node. Its in-flight batches may arrive again with the same ID. From now on, a repeated batch counts once.
     */
    protected function killNode(Node $node): void
    {
        $node->kill();
        $this->repeats = false;
    }

    /**
     * Get the received events, each as `name channel`, with its user and client event.
     *
     * @return list<string>
     */
    protected function events(string $prefix = ''): array
    {
        return array_map(
            fn (array $event) => implode(' ', array_filter(
                [$event['name'], $event['channel'] ?? null, $event['user_id'] ?? null, $event['event'] ?? null],
                fn (mixed $word) => $word !== null,
            )),
            Receiver::shared()->events($this->path($prefix), $this->repeats),
        );
    }

    /**
     * Get the received events of one channel, in the same form.
     *
     * @return list<string>
     */
    protected function eventsOf(string $channel): array
    {
        return array_values(array_filter($this->events(), fn (string $event) => (explode(' ', $event)[1] ?? null) === $channel));
    }

    /**
     * Assert that exactly these events arrive, in this order.
     *
     * The events of one channel arrive in order. A test of one channel proves
     * that no others arrive by ending with an event that must arrive: then all
     * events before it have arrived.
     *
     * @param  list<string>  $expected
     */
    protected function assertEvents(array $expected, string $prefix = ''): void
    {
        $this->awaitEvent($expected[array_key_last($expected)], $prefix, count(array_keys($expected, end($expected), true)));

        $this->assertSame($expected, $this->events($prefix));
    }

    /**
     * Wait until an event has been received some number of times.
     */
    protected function awaitEvent(string $event, string $prefix = '', int $times = 1, float $seconds = 15.0): void
    {
        $this->assertSame([], preg_grep('/webhooks are off/', $this->application?->log() ?? []));

        Wait::until(
            fn () => count(array_keys($this->events($prefix), $event, true)) >= $times,
            fn () => "'{$event}'; received: ".json_encode($this->events($prefix)).', log: '.json_encode($this->application?->log()),
            $seconds,
        );
    }
}
