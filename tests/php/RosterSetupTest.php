<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\RosterSetup;
use Webpatser\ResonateWebhooks\WebhookPlugin;

final class RosterSetupTest extends TestCase
{
    private const string ROSTER = 'Webpatser\ResonateRoster\RedisRosterPlugin';

    private const array REDIS = ['url' => null, 'host' => 'redis', 'port' => '6379', 'database' => '0'];

    public function test_a_valid_roster_has_no_problems(): void
    {
        $this->assertSame([], $this->problems());
        $this->assertSame([], $this->problems(webhooks: ['connection' => ['host' => 'redis', 'port' => 6379, 'database' => 0]]));
        $this->assertSame([], $this->problems(webhooks: ['connection' => ['url' => 'redis://redis'] + self::REDIS]));
    }

    /**
     * @param  array<string, mixed>  $setup
     */
    #[DataProvider('misfits')]
    public function test_a_problem_is_named(string $named, array $setup): void
    {
        $problems = $this->problems(...$setup);

        $this->assertCount(1, $problems);
        $this->assertStringContainsString($named, $problems[0]);
    }

    /**
     * @return iterable<string, array{0: string, 1: array<string, mixed>}>
     */
    public static function misfits(): iterable
    {
        yield 'no roster' => ['missing', ['plugins' => [WebhookPlugin::class]]];
        yield 'the wrong order' => ['comes after', ['plugins' => [WebhookPlugin::class, self::ROSTER]]];
        yield 'presence channels only' => ['track', ['roster' => ['connection' => self::REDIS]]];
        yield 'another host' => ['different Redis', ['webhooks' => ['connection' => ['host' => 'other'] + self::REDIS]]];
        yield 'another database' => ['different Redis', ['webhooks' => ['connection' => ['database' => 1] + self::REDIS]]];
        yield 'another socket' => ['different Redis', ['webhooks' => ['connection' => ['scheme' => 'unix', 'path' => '/run/other.sock']]]];
        yield 'another number in the URL' => ['different Redis', ['webhooks' => ['connection' => ['url' => 'redis://redis/1']]]];
        yield 'another URL' => ['different Redis', [
            'roster' => ['track' => 'all', 'connection' => ['url' => 'redis://:a-password@one']],
            'webhooks' => ['connection' => ['url' => 'redis://:a-password@two']],
        ]];
    }

    /**
     * @param  array<string, mixed>  $one
     * @param  array<string, mixed>  $other
     */
    #[DataProvider('sameDatabases')]
    public function test_a_database_is_recognized_in_every_notation(array $one, array $other): void
    {
        $this->assertSame([], $this->problems(['track' => 'all', 'connection' => $one], ['connection' => $other]));
    }

    /**
     * @return iterable<string, array{array<string, mixed>, array<string, mixed>}>
     */
    public static function sameDatabases(): iterable
    {
        $socket = ['scheme' => 'unix', 'path' => '/run/redis.sock'];

        yield 'defaults' => [[], ['scheme' => 'tcp', 'host' => '127.0.0.1', 'port' => 6379, 'database' => '0', 'url' => '']];
        yield 'empty variables' => [array_fill_keys(['url', 'scheme', 'host', 'port', 'path', 'database'], ''), []];
        yield 'a Redis Cluster, where the roster is not read' => [['host' => 'other'], ['cluster' => 'a:7000']];
        yield 'TLS by scheme or host' => [['scheme' => 'tls', 'host' => 'redis'], ['host' => 'tls://Redis']];
        yield 'TLS by URL' => [['scheme' => 'rediss', 'host' => 'redis', 'database' => 2], ['url' => 'rediss://:secret@redis:6379/2?timeout=5']];
        yield 'a URL and its parts' => [['url' => 'redis://redis'], self::REDIS];
        yield 'a number in the query' => [['url' => 'redis://redis?database=3'], ['database' => '3'] + self::REDIS];
        yield 'IPv6' => [['host' => '::1'], ['url' => 'redis://[::1]']];
        yield 'a socket' => [$socket, ['host' => '/run/redis.sock']];
        yield 'a socket as a host with a scheme' => [$socket, ['host' => 'unix:///run/redis.sock']];
        yield 'a socket by URL' => [$socket + ['database' => 1], ['url' => 'unix://me:secret@/run/redis.sock?db=1']];
        yield 'an invalid URL' => [['url' => 'nonsense'], ['url' => 'nonsense']];
    }

    public function test_the_engine_gets_the_location_of_the_rosters_keys(): void
    {
        $keys = fn (array $roster, array $plugins = [self::ROSTER], array $webhooks = ['connection' => self::REDIS]) => RosterSetup::keys(
            $plugins, $roster + ['connection' => self::REDIS], $webhooks,
        );

        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 90], $keys([]));
        $this->assertSame(['key_prefix' => 'r', 'ttl' => 30], $keys(['key_prefix' => 'r', 'ttl' => '30']));
        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 1], $keys(['ttl' => -1]));
        $this->assertSame(['key_prefix' => 'roster', 'ttl' => 2592000], $keys(['ttl' => PHP_INT_MAX]));
        $this->assertNull($keys([], plugins: [WebhookPlugin::class]));
        $this->assertNull($keys([], webhooks: ['connection' => ['host' => 'other'] + self::REDIS]));
    }

    public function test_problems_contain_no_password(): void
    {
        $problems = $this->problems(
            roster: ['connection' => ['url' => 'redis://:a-password@one']],
            webhooks: ['connection' => ['url' => 'redis://:a-password@two']],
        );

        $this->assertStringNotContainsString('a-password', implode($problems));
    }

    /**
     * @param  array<string, mixed>  $roster
     * @param  array<string, mixed>  $webhooks
     * @param  list<string>  $plugins
     * @return list<string>
     */
    private function problems(
        array $roster = ['track' => 'all', 'connection' => self::REDIS],
        array $webhooks = ['connection' => self::REDIS],
        array $plugins = [self::ROSTER, WebhookPlugin::class],
    ): array {
        return array_column(RosterSetup::problems($plugins, $roster, $webhooks), 'message');
    }
}
