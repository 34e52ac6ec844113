<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\ResonateWebhooks\Hosts\SetupProblem;

/**
 * Checks the setup of the roster together with the webhooks.
 */
final class RosterSetup
{
    /**
     * The roster's plugin, which may not be installed.
     */
    public const string ROSTER = 'Webpatser\ResonateRoster\RedisRosterPlugin';

    private const string LIST_FIRST = 'List '.self::ROSTER.'::class first in config/reverb.php.';

    /**
     * Get the problems. Their messages repeat no value of a connection, since it may be a secret.
     *
     * @param  array<int, class-string>  $plugins  The `reverb.servers.reverb.plugins` config.
     * @param  array<string, mixed>  $roster  The `resonate-roster` config.
     * @param  array<string, mixed>  $webhooks  The `resonate-webhooks` config.
     * @return list<SetupProblem>
     */
    public static function problems(array $plugins, array $roster, array $webhooks): array
    {
        $position = self::position(self::ROSTER, $plugins);

        if ($position === null) {
            return [new SetupProblem('the roster plugin is missing in reverb.servers.reverb.plugins', self::LIST_FIRST)];
        }

        return array_values(array_filter([
            $position > (self::position(WebhookPlugin::class, $plugins) ?? $position)
                ? new SetupProblem('the roster plugin comes after the webhooks plugin in reverb.servers.reverb.plugins; it must come first', self::LIST_FIRST)
                : null,
            ($roster['track'] ?? 'presence') !== 'all'
                ? new SetupProblem('resonate-roster.track is not "all", so the roster knows presence channels only', "Set 'track' => 'all' in config/resonate-roster.php.")
                : null,
            self::isCluster($webhooks['connection'] ?? []) || self::sameRedis($roster['connection'] ?? [], $webhooks['connection'] ?? [])
                ? null
                : new SetupProblem(
                    'resonate-roster.connection and resonate-webhooks.connection name different Redis databases',
                    'Configure the same Redis server and database for both.',
                ),
        ]));
    }

    /**
     * Get the location of the roster's keys; null if no roster uses the Redis of the webhooks.
     *
     * @param  array<int, class-string>  $plugins  The `reverb.servers.reverb.plugins` config.
     * @param  array<string, mixed>  $roster  The `resonate-roster` config.
     * @param  array<string, mixed>  $webhooks  The `resonate-webhooks` config.
     * @return array{key_prefix: string, ttl: int}|null
     */
    public static function keys(array $plugins, array $roster, array $webhooks): ?array
    {
        if (self::position(self::ROSTER, $plugins) === null || ! self::sameRedis($roster['connection'] ?? [], $webhooks['connection'] ?? [])) {
            return null;
        }

        return [
            'key_prefix' => (string) ($roster['key_prefix'] ?? 'roster'),
            // Clamped to the range that the engine accepts: an invalid value of the roster must not keep webhooks off.
            'ttl' => min(max((int) ($roster['ttl'] ?? 90), 1), 30 * 86400),
        ];
    }

    /**
     * Get the position of a plugin or a subclass of it.
     *
     * @param  array<array-key, mixed>  $plugins
     */
    public static function position(string $plugin, array $plugins): ?int
    {
        return array_find_key(array_values($plugins), fn (mixed $listed) => is_string($listed) && ($listed === $plugin || is_subclass_of($listed, $plugin)));
    }

    /**
     * Determine if a connection leads to a Redis Cluster. The keys of the roster are in other slots there, and are not read.
     */
    private static function isCluster(mixed $connection): bool
    {
        $cluster = self::written($connection)['cluster'] ?? [];

        return $cluster !== [] && filter_var($cluster, FILTER_VALIDATE_BOOL, FILTER_NULL_ON_FAILURE) !== false;
    }

    /**
     * Determine if two connections use the same database, judging by their config.
     */
    private static function sameRedis(mixed $one, mixed $other): bool
    {
        return self::database(self::written($one)) === self::database(self::written($other));
    }

    /**
     * Get the keys of a connection that are set. An empty environment variable counts as unset.
     *
     * @return array<string, mixed>
     */
    private static function written(mixed $connection): array
    {
        return array_filter(is_array($connection) ? $connection : [], fn (mixed $value) => $value !== null && $value !== '');
    }

    /**
     * Get the database of a connection: the path of the socket, or the host and port, and the number. TLS makes no difference.
     *
     * @param  array<string, mixed>  $connection
     * @return list<string>
     */
    private static function database(array $connection): array
    {
        if (! empty($connection['url'])) {
            $connection = self::parts((string) $connection['url']) ?? ['host' => (string) $connection['url']];
        }

        [$scheme, $host] = str_contains($host = (string) ($connection['host'] ?? '127.0.0.1'), '://')
            ? explode('://', $host, 2)
            : [(string) ($connection['scheme'] ?? 'tcp'), $host];
        $number = (string) ($connection['database'] ?? 0);

        if (strtolower($scheme) === 'unix' || str_starts_with($host, '/')) {
            return [(string) ($connection['path'] ?? $host), '', $number];
        }

        return [strtolower(trim($host, '[]')), (string) ($connection['port'] ?? 6379), $number];
    }

    /**
     * Parse a URL into the keys of a connection; null if it is invalid.
     *
     * @return array<string, string>|null
     */
    private static function parts(string $url): ?array
    {
        $parts = parse_url(preg_replace('#^((?:redis\+)?unix):(?://)?(?:[^/@]*@)?#i', 'unix://localhost', $url));

        if ($parts === false || ! isset($parts['scheme'], $parts['host'])) {
            return null;
        }

        parse_str($parts['query'] ?? '', $query);
        $path = trim($parts['path'] ?? '', '/');
        $database = $query['database'] ?? $query['db'] ?? null;

        return $parts['scheme'] === 'unix'
            ? ['scheme' => 'unix', 'path' => $parts['path'] ?? '', 'database' => $database ?? '0']
            : ['host' => $parts['host'], 'port' => (string) ($parts['port'] ?? 6379), 'database' => $database ?? ($path === '' ? '0' : $path)];
    }
}
