<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\ResonateWebhooks\Exceptions\ExtensionMismatch;
use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * Builds the config for the extension.
 */
final class Settings
{
    /**
     * Get the `resonate-webhooks` config, with the endpoints of applications, the queues, and the identity of the cluster.
     *
     * Call this before `new`: PHP looks up the class before it evaluates the arguments, and without the extension it
     * would report a missing class instead.
     *
     * @return array<string, mixed>
     *
     * @throws ExtensionMissing|ExtensionMismatch|InvalidConfig
     */
    public static function forExtension(): array
    {
        Extension::ensureUsable();

        $config = config('resonate-webhooks', []);

        if (! is_array($config)) {
            throw new InvalidConfig('resonate-webhooks: the config must be an array');
        }

        $identity = ClusterIdentity::of($config['cluster_name'] ?? null, (array) config('app', []));

        return ['cluster' => $identity, 'queues' => QueueConnections::of(config('queue'), config('database.redis'))]
            + $config
            + ['app_webhooks' => AppWebhooks::of(config('reverb.apps.apps')), 'app_ids' => self::appIds()];
    }

    /**
     * Get the IDs of all applications if the config lists them. Servers compare them with those of other servers.
     *
     * @return list<int|string>
     */
    private static function appIds(): array
    {
        $apps = config('reverb.apps.provider', 'config') === 'config' ? config('reverb.apps.apps') : [];

        return array_values(array_filter(array_column(is_array($apps) ? $apps : [], 'app_id'), fn (mixed $id) => is_int($id) || (is_string($id) && $id !== '')));
    }
}
