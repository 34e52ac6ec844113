<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\ResonateWebhooks\Exceptions\ExtensionMissing;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;

/**
 * What the extension is given to work by.
 */
final class Settings
{
    /**
     * The `resonate-webhooks` config, with the endpoints that applications bring along and the identity of the cluster.
     *
     * PHP looks for a class before it works out what its constructor gets: ask for the settings first, or
     * a missing extension is only a class that is not found.
     *
     * @return array<string, mixed>
     *
     * @throws ExtensionMissing|InvalidConfig
     */
    public static function forExtension(): array
    {
        if (! extension_loaded('resonate_webhooks')) {
            throw ExtensionMissing::fromThisProcess();
        }

        $config = config('resonate-webhooks', []);

        if (! is_array($config)) {
            throw new InvalidConfig('resonate-webhooks: the config must be an array');
        }

        $identity = ClusterIdentity::of($config['cluster_name'] ?? null, (array) config('app', []));

        return ['cluster' => $identity] + $config + ['app_webhooks' => AppWebhooks::of(config('reverb.apps.apps')), 'app_ids' => self::appIds()];
    }

    /**
     * The ids of all applications, where a config lists them: servers that list others are named.
     *
     * @return list<int|string>
     */
    private static function appIds(): array
    {
        $apps = config('reverb.apps.provider', 'config') === 'config' ? config('reverb.apps.apps') : [];

        return array_values(array_filter(array_column(is_array($apps) ? $apps : [], 'app_id'), fn (mixed $id) => is_int($id) || (is_string($id) && $id !== '')));
    }
}
