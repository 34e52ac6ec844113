<?php

declare(strict_types=1);

namespace Tests;

use Exception;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Exceptions\ApplicationProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\NotTracked;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Exceptions\RedisMisconfigured;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

/**
 * Who is there, asked from a process that is no server.
 */
final class PresenceTest extends PluginTestCase
{
    public function test_the_answers_are_those_of_all_servers(): void
    {
        $config = ['endpoints' => [$this->endpoint(more: ['events' => ['channel_occupied', 'member_added', 'subscription_count']])], 'subscription_count_interval' => 0.1];
        [$here, $there] = [$this->node($config), $this->node($config)];
        $this->application = new TestApplication($this->config($config));

        foreach ([[$here, 'ann', 7], [$there, 'bob', 8], [$there, 'tab', 7]] as [$node, $client, $user]) {
            $node->connect($client);
            $node->command($client, 'join', 'presence-room', $user);
            $node->command($client, 'subscribe', 'news');
            $node->command($client, 'subscribe', '12');
        }

        $app = Webhooks::app('1');
        $this->awaitAnswer(fn () => $app->channels()->count() === 3 && $app->members('presence-room')->count() === 2 && $app->count('news') === 3, 'all clients');

        $this->assertSame(['12', 'news', 'presence-room'], $app->channels()->sort(SORT_STRING)->values()->all());
        $this->assertSame(['presence-room'], Webhooks::channels('1', prefix: 'presence-')->all());
        $this->assertSame(['7', '8'], $app->members('presence-room')->sort()->values()->all());
        $this->assertSame([true, false], [$app->occupied('presence-room'), $app->occupied('presence-empty')]);
        $this->assertSame([2, 0, 3, 0], [$app->count('presence-room'), $app->count('presence-empty'), $app->count('news'), $app->count('empty')]);
        $this->assertSame([], $app->members('news')->all());

        $there->command('bob', 'close');
        $here->command('ann', 'close');
        $this->awaitAnswer(fn () => $app->count('news') === 1, 'the remaining client');
        $this->assertSame(['7'], $app->members('presence-room')->all());
        $there->command('tab', 'close');
        $this->awaitAnswer(fn () => $app->channels()->isEmpty(), 'the end');
        $here->stop();
        $there->stop();
    }

    public function test_a_large_application_is_read_page_by_page(): void
    {
        $server = $this->serve();
        $client = $server->connect();

        for ($n = 0; $n < 2500; $n++) {
            $client->subscribe("news-{$n}");
        }

        $expected = array_map(fn (int $n) => "news-{$n}", range(0, 2499));
        $this->awaitAnswer(fn () => Webhooks::channels('1')->count() === 2500, 'all channels');

        $this->assertEqualsCanonicalizing($expected, Webhooks::channels('1')->all());
        $this->assertCount(5, Webhooks::channels('1')->take(5)->all());

        [$read, $cursor, $pages] = [[], null, 0];

        do {
            ['names' => $names, 'cursor' => $cursor] = app(Presence::class)->channels('1', cursor: $cursor, limit: 500);
            $read = [...$read, ...$names];
            $pages++;
        } while ($cursor !== null);

        $this->assertEqualsCanonicalizing($expected, array_values(array_unique($read)));
        $this->assertGreaterThan(3, $pages);
        $this->assertSame(['names' => [], 'cursor' => null], app(Presence::class)->channels('1', cursor: 'elsewhere'));
    }

    public function test_a_member_is_there_until_the_webhook_says_otherwise(): void
    {
        $server = $this->serve(['departure_grace' => 2.0]);
        $ann = $server->connect()->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        $ann->close();

        $this->assertSame(['7'], Webhooks::app('1')->members('presence-room')->all());
        $this->awaitEvent('channel_vacated presence-room');
        $this->assertSame([[], false], [Webhooks::app('1')->members('presence-room')->all(), Webhooks::app('1')->occupied('presence-room')]);
    }

    public function test_a_question_without_an_answer_names_the_setting(): void
    {
        $this->serve()->connect()->subscribe('news');
        $this->awaitEvent('channel_occupied news');

        $this->assertThrows(NotTracked::class, 'subscription_count', fn () => Webhooks::app('1')->count('news'));
        $this->assertThrows(NotTracked::class, 'ignore_channel_prefixes', fn () => Webhooks::app('1')->occupied('#server-to-user-7'));
        $this->assertThrows(UnknownApplication::class, "with the id 'nobody'", fn () => Webhooks::app('nobody')->occupied('news'));
    }

    public function test_a_provider_of_applications_that_fails_is_named(): void
    {
        $this->application = new TestApplication($this->config());
        app()->bind(ApplicationProvider::class, fn () => throw new Exception('the database is away'));

        $this->assertThrows(ApplicationProviderFailed::class, 'the database is away', fn () => Webhooks::app('1')->occupied('news'));
    }

    public function test_the_endpoints_of_a_provider_say_whether_connections_are_counted(): void
    {
        $endpoints = [$this->endpoint(more: ['events' => ['channel_occupied', 'subscription_count']])];
        $node = $this->node(['endpoints' => $endpoints, 'subscription_count_interval' => 60]);
        $this->application = new TestApplication($this->config(['endpoints' => []]));
        app()->bind(EndpointProvider::class, fn () => new class ($endpoints) implements EndpointProvider
        {
            /**
             * @param  list<array<string, mixed>>  $endpoints
             */
            public function __construct(private readonly array $endpoints)
            {
                //
            }

            public function endpoints(): iterable
            {
                return $this->endpoints;
            }
        });
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'news');

        $this->awaitAnswer(fn () => Webhooks::app('1')->occupied('news'), 'the client');
        // Before the node has sent its number, too.
        $this->assertSame(1, Webhooks::app('1')->count('news'));

        app()->bind(EndpointProvider::class, fn () => throw new RedisFailed('the database is away'));
        app()->forgetScopedInstances();
        $this->assertThrows(EndpointProviderFailed::class, 'the database is away', fn () => Webhooks::app('1')->count('news'));
        $node->stop();
    }

    public function test_an_unusable_redis_is_named(): void
    {
        $this->application = new TestApplication($this->config(['connection' => ['host' => '/nowhere/redis.sock']]));
        $this->assertThrows(RedisFailed::class, 'Redis at /nowhere/redis.sock: unreachable', fn () => Webhooks::app('1')->occupied('news'));
        $this->application->remove($this);

        $this->application = new TestApplication($this->config());
        $this->assertThrows(RedisFailed::class, 'no server has started with it', fn () => Webhooks::channels('1')->all());
        RedisServer::shared()->command('HSET', $this->config()['key_prefix'].':epoch', 'id', 'x', 'cluster', '["another"]', 'schema', '1');
        $this->assertThrows(RedisMisconfigured::class, 'belongs to the cluster "another"', fn () => Webhooks::channels('1')->all());
        RedisServer::shared()->command('DEL', $this->config()['key_prefix'].':epoch');
    }

    /**
     * Assert that a callback throws exactly this class, with a message that contains some text.
     *
     * @param  class-string  $class
     */
    private function assertThrows(string $class, string $message, callable $callback): void
    {
        try {
            $callback();
        } catch (Exception $e) {
            $this->assertSame($class, $e::class, $e->getMessage());
            $this->assertStringContainsString($message, $e->getMessage());

            return;
        }

        $this->fail("no {$class}");
    }

    /**
     * Wait until the condition holds. Nobody is there to ask about until the first server has begun.
     *
     * @param  callable(): bool  $condition
     */
    private function awaitAnswer(callable $condition, string $what): void
    {
        Wait::until(function () use ($condition) {
            try {
                return $condition();
            } catch (RedisFailed $failure) {
                $this->assertStringContainsString('no server has started with it', $failure->getMessage());

                return false;
            }
        }, $what);
    }
}
