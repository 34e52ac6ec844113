<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\ConfigurationUrlParser;
use InvalidArgumentException;

/**
 * Reads the queue connections of the application, which endpoints may name. The extension parses those that are used.
 */
final class QueueConnections
{
    /**
     * The keys of a Redis connection that decide where it connects.
     */
    private const array REDIS = ['scheme', 'host', 'port', 'path', 'username', 'password', 'database', 'context', 'ssl'];

    /**
     * The keys of an SQS connection.
     */
    private const array SQS = ['prefix', 'suffix', 'region', 'endpoint', 'key', 'secret', 'token'];

    /**
     * Get the default connection and all connections, each with the settings of its server.
     *
     * @param  mixed  $queue  The `queue` config.
     * @param  mixed  $redis  The `database.redis` config.
     * @return array{default: mixed, connections: array<array-key, array<string, mixed>>}
     */
    public static function of(mixed $queue, mixed $redis): array
    {
        $connections = array_filter((array) ($queue['connections'] ?? []), is_array(...));

        return [
            'default' => $queue['default'] ?? null,
            'connections' => array_map(fn (array $connection) => self::connection($connection, is_array($redis) ? $redis : []), $connections),
        ];
    }

    /**
     * Get a connection.
     *
     * @param  array<string, mixed>  $connection
     * @param  array<string, mixed>  $redis
     * @return array<string, mixed>
     */
    private static function connection(array $connection, array $redis): array
    {
        $driver = $connection['driver'] ?? null;

        return ['driver' => $driver] + match ($driver) {
            'redis' => self::redis((string) ($connection['connection'] ?? 'default') ?: 'default', $redis),
            'sqs' => self::settings($connection, self::SQS),
            default => [],
        };
    }

    /**
     * Get the settings of a Redis connection, as Laravel resolves them.
     *
     * @param  array<string, mixed>  $redis
     * @return array<string, mixed>
     */
    private static function redis(string $name, array $redis): array
    {
        $options = (array) ($redis['options'] ?? []);

        try {
            return match (true) {
                isset($redis[$name]) => self::server($name, self::parsed($redis[$name]), $options),
                isset($redis['clusters'][$name]) => self::cluster($name, (array) $redis['clusters'][$name], (array) ($redis['clusters']['options'] ?? []) + $options),
                default => ['problem' => "uses the Redis connection \"{$name}\", which is not in config/database.php"],
            };
        } catch (InvalidArgumentException) {
            return ['problem' => "uses the Redis connection \"{$name}\", whose URL in config/database.php is malformed"];
        }
    }

    /**
     * Get the settings of one server.
     *
     * @param  array<string, mixed>  $connection
     * @param  array<string, mixed>  $options
     * @return array<string, mixed>
     */
    private static function server(string $name, array $connection, array $options): array
    {
        $options = (array) ($connection['options'] ?? []) + $options;
        $connection += self::parameters($name, $options);

        // With Predis, such a connection is a list of servers.
        if (isset($connection[0]) || isset($options['replication'])) {
            return ['problem' => "uses the Redis connection \"{$name}\", which has several servers: name one that has a host"];
        }

        return ['redis' => $name, 'connection' => self::settings($connection, self::REDIS), 'prefix' => self::prefix($connection, $options)];
    }

    /**
     * Get the settings of a Redis Cluster. Its servers share all settings but their addresses.
     *
     * @param  array<array-key, mixed>  $servers
     * @param  array<string, mixed>  $options
     * @return array<string, mixed>
     */
    private static function cluster(string $name, array $servers, array $options): array
    {
        $options = (array) ($servers['options'] ?? []) + $options;
        $prefix = self::prefix($servers, $options);
        unset($servers['options'], $servers['prefix']);
        $servers = array_map(self::parsed(...), array_values($servers));
        $first = self::settings(($servers[0] ?? []) + self::parameters($name, $options) + $options, ['scheme', 'username', 'password', 'context']);

        return ['redis' => "clusters.{$name}", 'connection' => ['cluster' => array_map(self::address(...), $servers)] + $first, 'prefix' => $prefix];
    }

    /**
     * Get the settings that Predis applies to every server.
     *
     * @param  array<string, mixed>  $options
     * @return array<string, mixed>
     */
    private static function parameters(string $name, array $options): array
    {
        $parameters = (array) ($options['parameters'] ?? []);

        return (array) ($parameters[$name] ?? $parameters);
    }

    /**
     * Get the prefix of keys.
     *
     * @param  array<array-key, mixed>  $connection
     * @param  array<string, mixed>  $options
     */
    private static function prefix(array $connection, array $options): string
    {
        $prefix = $connection['prefix'] ?? $options['prefix'] ?? '';

        return is_scalar($prefix) ? (string) $prefix : '';
    }

    /**
     * Get the address of a server of a cluster.
     *
     * @param  array<string, mixed>  $server
     */
    private static function address(array $server): string
    {
        return ($server['host'] ?? '127.0.0.1').':'.($server['port'] ?? 6379);
    }

    /**
     * Get a connection with the parts of its URL.
     *
     * @return array<string, mixed>
     *
     * @throws InvalidArgumentException
     */
    private static function parsed(mixed $connection): array
    {
        $parsed = (new ConfigurationUrlParser)->parseConfiguration(is_array($connection) ? $connection : (string) $connection);
        $driver = strtolower((string) ($parsed['driver'] ?? ''));

        return in_array($driver, ['tcp', 'tls', 'unix'], true) ? ['scheme' => $driver] + $parsed : $parsed;
    }

    /**
     * Get these keys, as far as they are set.
     *
     * @param  array<string, mixed>  $connection
     * @param  list<string>  $keys
     * @return array<string, mixed>
     */
    private static function settings(array $connection, array $keys): array
    {
        $settings = array_intersect_key($connection, array_flip($keys));

        return array_filter($settings, fn (mixed $value) => $value !== null && $value !== '' && $value !== []);
    }
}
