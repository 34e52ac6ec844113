<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use SensitiveParameter;

/**
 * Derives the identity of the cluster, which distinguishes it from clusters of other applications in the same Redis.
 */
final class ClusterIdentity
{
    /**
     * The message that is signed with the key to make its fingerprint.
     */
    private const string LABEL = 'resonate-webhooks cluster identity';

    /**
     * The number of hexadecimal digits of a fingerprint: enough to distinguish keys, too few to confirm a guessed one.
     */
    private const int DIGITS = 12;

    /**
     * Get the identity: the configured name, or the application's name, environment and fingerprint of its key. Its previous
     * keys become aliases, so that the key can be rotated. Null without a name or a key.
     *
     * @param  mixed  $name  The `cluster_name` config.
     * @param  array<string, mixed>  $app  The `app` config.
     * @return array{name: string, aliases: list<string>}|null
     */
    public static function of(mixed $name, array $app): ?array
    {
        if (is_scalar($name) && trim((string) $name) !== '') {
            return ['name' => trim((string) $name), 'aliases' => []];
        }

        [$title, $environment, $key] = array_map(self::text(...), [$app['name'] ?? '', $app['env'] ?? '', $app['key'] ?? '']);

        if ($title === '' && $key === '') {
            return null;
        }

        $named = fn (string $key) => $title.' ('.implode(', ', array_filter([$environment, self::fingerprint($key)])).')';
        $own = $named($key);
        $previous = array_filter(array_map(self::text(...), (array) ($app['previous_keys'] ?? [])));

        return ['name' => $own, 'aliases' => array_values(array_diff(array_unique(array_map($named, $previous)), [$own]))];
    }

    /**
     * Get the fingerprint of a key, from which the key cannot be derived; an empty string without a key.
     */
    private static function fingerprint(#[SensitiveParameter] string $key): string
    {
        if ($key === '') {
            return '';
        }

        $bytes = str_starts_with($key, 'base64:') ? (string) base64_decode(substr($key, 7)) : $key;

        return 'key '.substr(hash_hmac('sha256', self::LABEL, $bytes), 0, self::DIGITS);
    }

    private static function text(#[SensitiveParameter] mixed $value): string
    {
        return is_scalar($value) ? trim((string) $value) : '';
    }
}
