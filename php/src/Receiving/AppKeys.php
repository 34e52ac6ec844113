<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Config\Repository;

/**
 * Resolves applications, given by key or ID, to their keys.
 */
class AppKeys
{
    /**
     * Create a new instance.
     */
    public function __construct(protected Repository $config)
    {
        //
    }

    /**
     * Get the keys of applications, or `*` for all. IDs are resolved by `config/reverb.php`.
     *
     * @param  list<string>  $apps
     * @return list<string>
     */
    public function of(array $apps): array
    {
        $known = (array) $this->config->get('reverb.apps.apps', []);
        $keys = array_column($known, 'key');
        $ids = array_column($known, 'key', 'app_id');

        return array_map(
            fn (string $app) => in_array($app, $keys, true) ? $app : (string) ($ids[$app] ?? $app),
            array_values(array_filter($apps, fn (string $app) => $app !== '')),
        );
    }

    /**
     * Determine if the application with a key is among these.
     *
     * @param  list<string>  $apps
     */
    public function include(array $apps, string $key): bool
    {
        $keys = $this->of($apps);

        return in_array('*', $keys, true) || in_array($key, $keys, true);
    }
}
