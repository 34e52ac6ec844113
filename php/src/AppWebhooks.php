<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

/**
 * The endpoints that applications in `config/reverb.php` bring along.
 */
final class AppWebhooks
{
    /**
     * Pick them out, each application under its place in the list.
     *
     * @param  mixed  $apps  The `reverb.apps.apps` config.
     * @return array<array-key, array{app_id: mixed, webhooks: mixed}>
     */
    public static function of(mixed $apps): array
    {
        $with = array_filter(
            is_array($apps) ? $apps : [],
            fn (mixed $app) => is_array($app) && isset($app['app_id'], $app['webhooks']),
        );

        return array_map(fn (array $app) => ['app_id' => $app['app_id'], 'webhooks' => $app['webhooks']], $with);
    }
}
