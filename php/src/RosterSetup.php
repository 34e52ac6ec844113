<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

/**
 * Looks at how the roster and the webhooks are set up together.
 */
final class RosterSetup
{
    /**
     * The roster's plugin, which may not be installed.
     */
    private const string ROSTER = 'Webpatser\ResonateRoster\RedisRosterPlugin';

    /**
     * Say what is wrong, a sentence each; no value of a connection is repeated, for it may be a secret.
     *
     * @param  array<int, class-string>  $plugins  The `reverb.servers.reverb.plugins` config.
     * @param  array<string, mixed>  $roster  The `resonate-roster` config.
     * @param  array<string, mixed>  $webhooks  The `resonate-webhooks` config.
     * @return list<string>
     */
    public static function mistakes(array $plugins, array $roster, array $webhooks): array
    {
        $place = self::place(self::ROSTER, $plugins);

        if ($place === null) {
            return ['the roster plugin is missing in reverb.servers.reverb.plugins'];
        }

        return array_values(array_filter([
            $place > (self::place(WebhookPlugin::class, $plugins) ?? $place)
                ? 'the roster plugin comes after the webhooks plugin in reverb.servers.reverb.plugins; it must come first'
                : null,
            ($roster['track'] ?? 'presence') !== 'all'
                ? 'resonate-roster.track is not "all", so the roster knows presence channels only'
                : null,
            self::sameRedis($roster['connection'] ?? [], $webhooks['connection'] ?? [])
                ? null
                : 'resonate-roster.connection and resonate-webhooks.connection name different Redis databases',
        ]));
    }

    /**
     * Tell the engine where the roster's keys are: nothing when there is no roster in the Redis of the webhooks.
     *
     * @param  array<int, class-string>  $plugins  The `reverb.servers.reverb.plugins` config.
     * @param  array<string, mixed>  $roster  The `resonate-roster` config.
     * @param  array<string, mixed>  $webhooks  The `resonate-webhooks` config.
     * @return array{key_prefix: string, ttl: int}|null
     */
    public static function keys(array $plugins, array $roster, array $webhooks): ?array
    {
        if (self::place(self::ROSTER, $plugins) === null || ! self::sameRedis($roster['connection'] ?? [], $webhooks['connection'] ?? [])) {
            return null;
        }

        return [
            'key_prefix' => (string) ($roster['key_prefix'] ?? 'roster'),
            // As long as the engine believes; a mistake of the roster's config is not ours to refuse.
            'ttl' => min(max((int) ($roster['ttl'] ?? 90), 1), 30 * 86400),
        ];
    }

    /**
     * The position of a plugin, or of a subclass of it, among the plugins.
     *
     * @param  array<int, class-string>  $plugins
     */
    private static function place(string $plugin, array $plugins): ?int
    {
        return array_find_key(array_values($plugins), fn (string $listed) => $listed === $plugin || is_subclass_of($listed, $plugin));
    }

    /**
     * Whether two connections lead to the same database, as far as their config tells.
     *
     * @param  array<string, mixed>  $one
     * @param  array<string, mixed>  $other
     */
    private static function sameRedis(array $one, array $other): bool
    {
        $address = fn (array $connection) => empty($connection['url'])
            ? [$connection['host'] ?? '127.0.0.1', (string) ($connection['port'] ?? 6379), (string) ($connection['database'] ?? 0)]
            : [$connection['url']];

        // One by URL and one by host may still be the same; that is not for us to guess.
        return empty($one['url']) !== empty($other['url']) || $address($one) === $address($other);
    }
}
