<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Illuminate\Support\Env;

/**
 * Loads published config files with given environment variables.
 */
final class PublishedConfig
{
    /**
     * The variables in the config files of the replaced package, each with a valid value.
     */
    public const array VARIABLES = [
        'RESONATE_WEBHOOKS_REDIS_URL' => 'redis://redis:6380/2',
        'RESONATE_WEBHOOKS_REDIS_SCHEME' => 'tcp',
        'RESONATE_WEBHOOKS_REDIS_HOST' => 'redis',
        'RESONATE_WEBHOOKS_REDIS_PORT' => '6380',
        'RESONATE_WEBHOOKS_REDIS_USERNAME' => 'webhooks',
        'RESONATE_WEBHOOKS_REDIS_PASSWORD' => 'secret',
        'RESONATE_WEBHOOKS_REDIS_DB' => '2',
        'RESONATE_WEBHOOKS_REDIS_TIMEOUT' => '2.5',
        'REDIS_URL' => 'redis://redis:6380/2',
        'REDIS_SCHEME' => 'tcp',
        'REDIS_HOST' => 'redis',
        'REDIS_PORT' => '6380',
        'REDIS_USERNAME' => 'app',
        'REDIS_PASSWORD' => 'secret',
        'REDIS_DB' => '2',
        'RESONATE_WEBHOOKS_PREFIX' => 'mine',
        'RESONATE_WEBHOOKS_TTL' => '60',
        'RESONATE_WEBHOOKS_FLUSH' => '0.5',
        'RESONATE_WEBHOOKS_RECONCILE' => '15',
        'RESONATE_WEBHOOKS_MAX_ATTEMPTS' => '7',
        'RESONATE_WEBHOOK_URL' => 'https://example.test/hook',
    ];

    /**
     * The releases of the replaced package whose config files differ.
     */
    public const array RELEASES = ['0.2.0 to 0.3.1', '0.4.0', 'with ignored channels'];

    /**
     * Get the config of a release, with the endpoint of its documentation.
     *
     * @return array<string, mixed>
     */
    public static function of(string $release): array
    {
        $isFirst = $release === '0.2.0 to 0.3.1';

        return [
            'connection' => [
                'url' => env('RESONATE_WEBHOOKS_REDIS_URL', env('REDIS_URL')),
                ...($isFirst ? [] : ['scheme' => env('RESONATE_WEBHOOKS_REDIS_SCHEME', env('REDIS_SCHEME', 'tcp'))]),
                'host' => env('RESONATE_WEBHOOKS_REDIS_HOST', env('REDIS_HOST', '127.0.0.1')),
                'port' => env('RESONATE_WEBHOOKS_REDIS_PORT', env('REDIS_PORT', '6379')),
                'username' => env('RESONATE_WEBHOOKS_REDIS_USERNAME', env('REDIS_USERNAME')),
                'password' => env('RESONATE_WEBHOOKS_REDIS_PASSWORD', env('REDIS_PASSWORD')),
                'database' => env('RESONATE_WEBHOOKS_REDIS_DB', env('REDIS_DB', '0')),
                'timeout' => env('RESONATE_WEBHOOKS_REDIS_TIMEOUT', 5),
            ],
            'key_prefix' => env('RESONATE_WEBHOOKS_PREFIX', 'wh'),
            'ttl' => (int) env('RESONATE_WEBHOOKS_TTL', 90),
            'flush_interval' => (float) env('RESONATE_WEBHOOKS_FLUSH', 1.0),
            'reconcile_interval' => (float) env('RESONATE_WEBHOOKS_RECONCILE', 30.0),
            'max_attempts' => (int) env('RESONATE_WEBHOOKS_MAX_ATTEMPTS', 5),
            ...($release === 'with ignored channels' ? ['ignore_channel_prefixes' => ['#']] : []),
            'endpoints' => [
                [
                    'url' => env('RESONATE_WEBHOOK_URL'),
                    'app_id' => '*',
                    'events' => ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed', 'client_event'],
                ],
            ],
        ];
    }

    /**
     * Get the config of this package.
     *
     * @return array<string, mixed>
     */
    public static function ours(): array
    {
        return require dirname(__DIR__, 3).'/php/config/resonate-webhooks.php';
    }

    /**
     * Get the RESONATE_WEBHOOKS_… variables in the config file of this package.
     *
     * @return list<string>
     */
    public static function ourVariables(): array
    {
        preg_match_all("/env\\('(RESONATE_WEBHOOKS_\\w+)'/", Docs::text('php/config/resonate-webhooks.php'), $found);

        return $found[1];
    }

    /**
     * Call a function while variables are set, and return its result.
     *
     * @template T
     *
     * @param  array<string, string>  $variables
     * @param  Closure(): T  $read
     * @return T
     */
    public static function with(array $variables, Closure $read): mixed
    {
        $environment = Env::getRepository();

        try {
            foreach ($variables as $name => $value) {
                $environment->set($name, $value);
            }

            return $read();
        } finally {
            array_map($environment->clear(...), array_keys($variables));
        }
    }
}
