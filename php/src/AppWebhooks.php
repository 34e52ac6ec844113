<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

/**
 * Reads the endpoints of the applications in `config/reverb.php`.
 */
final class AppWebhooks
{
    /**
     * Get the `webhooks` of each application, by its position in the list.
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
