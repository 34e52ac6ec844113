<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\QueueConnections;

final class QueueConnectionsTest extends TestCase
{
    /**
     * @param  array<string, mixed>  $redis  The `database.redis` config.
     * @param  array<string, mixed>  $expected
     */
    #[DataProvider('redisConnections')]
    public function test_a_redis_connection_has_the_settings_that_laravel_resolves(array $redis, array $expected): void
    {
        $this->assertSame(['driver' => 'redis'] + $expected, $this->of(['driver' => 'redis', 'connection' => 'queues', 'queue' => 'default'], $redis));
    }

    /**
     * @return iterable<string, array{array<string, mixed>, array<string, mixed>}>
     */
    public static function redisConnections(): iterable
    {
        $at = fn (array $connection, string $prefix = '') => ['redis' => 'queues', 'connection' => $connection, 'prefix' => $prefix];

        yield 'as Laravel writes it' => [
            ['client' => 'phpredis', 'options' => ['cluster' => 'redis', 'prefix' => 'app-database-'], 'queues' => ['url' => null, 'host' => '10.0.0.1', 'username' => null, 'password' => 'hunter2', 'port' => '6380', 'database' => '2', 'max_retries' => 3]],
            $at(['host' => '10.0.0.1', 'password' => 'hunter2', 'port' => '6380', 'database' => '2'], 'app-database-'),
        ];
        yield 'a URL' => [
            ['queues' => ['url' => 'rediss://me:p%40ss@redis.internal:7000/3', 'host' => '127.0.0.1', 'database' => '0']],
            $at(['scheme' => 'tls', 'host' => 'redis.internal', 'database' => '3', 'port' => 7000, 'username' => 'me', 'password' => 'p@ss']),
        ];
        yield 'a URL alone' => [['queues' => 'redis://redis.internal'], $at(['scheme' => 'tcp', 'host' => 'redis.internal'])];
        yield 'a prefix of its own' => [['options' => ['prefix' => 'all_'], 'queues' => ['host' => 'a', 'prefix' => 'own_']], $at(['host' => 'a'], 'own_')];
        yield 'options of its own' => [['options' => ['prefix' => 'all_'], 'queues' => ['host' => 'a', 'options' => ['prefix' => '']]], $at(['host' => 'a'])];
        yield 'the parameters of Predis' => [['options' => ['parameters' => ['password' => 'hunter2']], 'queues' => ['host' => 'a']], $at(['host' => 'a', 'password' => 'hunter2'])];
        yield 'a cluster' => [
            ['options' => ['prefix' => 'all_'], 'clusters' => ['options' => ['cluster' => 'redis'], 'queues' => [['host' => 'a', 'port' => 7000, 'password' => 'hunter2'], ['host' => 'b']]]],
            ['redis' => 'clusters.queues', 'connection' => ['cluster' => ['a:7000', 'b:6379'], 'password' => 'hunter2'], 'prefix' => 'all_'],
        ];
        yield 'a missing one' => [['default' => []], ['problem' => 'uses the Redis connection "queues", which is not in config/database.php']];
        yield 'a malformed URL' => [['queues' => ['url' => 'redis:///hunter2:']], ['problem' => 'uses the Redis connection "queues", whose URL in config/database.php is malformed']];
        yield 'replication' => [['options' => ['replication' => 'sentinel'], 'queues' => ['tcp://a', 'tcp://b']], ['problem' => 'uses the Redis connection "queues", which has several servers: name one that has a host']];
    }

    public function test_an_sqs_connection_has_the_settings_of_its_queues(): void
    {
        $sqs = ['driver' => 'sqs', 'key' => 'AKID', 'secret' => 'hunter2', 'prefix' => 'https://sqs/1', 'queue' => 'default', 'suffix' => null, 'region' => 'eu-west-1', 'after_commit' => false];

        $this->assertSame(['driver' => 'sqs', 'key' => 'AKID', 'secret' => 'hunter2', 'prefix' => 'https://sqs/1', 'region' => 'eu-west-1'], $this->of($sqs));
    }

    public function test_other_connections_have_their_driver_only(): void
    {
        $this->assertSame(['driver' => 'database'], $this->of(['driver' => 'database', 'table' => 'jobs']));
        $this->assertSame(['driver' => null], $this->of([]));
        $this->assertSame(['default' => null, 'connections' => []], QueueConnections::of(null, null));
        $this->assertSame('redis', QueueConnections::of(['default' => 'redis'], null)['default']);
    }

    /**
     * @param  array<string, mixed>  $connection
     * @param  array<string, mixed>  $redis
     * @return array<string, mixed>
     */
    private function of(array $connection, array $redis = []): array
    {
        return QueueConnections::of(['connections' => ['it' => $connection]], $redis)['connections']['it'];
    }
}
