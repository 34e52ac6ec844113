<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use SensitiveParameter;

/**
 * Tells this application's cluster from those of other applications that share its Redis.
 */
final class ClusterIdentity
{
    /**
     * What the fingerprint of a key is made of, beside the key.
     */
    private const string LABEL = 'resonate-webhooks cluster identity';

    /**
     * How many hexadecimal digits of the fingerprint are kept: enough to tell keys apart, too few to confirm a guess.
     */
    private const int DIGITS = 12;

    /**
     * Derive the identity: the configured name, or else the application's name, environment and a fingerprint of its key.
     * The application's previous keys make aliases, so that its key can be rotated. Null when there is nothing to go by.
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
     * Make a fingerprint of a key, from which the key cannot be learned; nothing without a key.
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
