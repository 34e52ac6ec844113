<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * URLs of the dashboard, without scheme and host: behind a proxy that the application does not trust, it knows neither.
 */
final class DashboardUrl
{
    /**
     * The URL of one of its routes.
     *
     * @param  array<string, mixed>|string  $parameters
     */
    public static function to(string $name, array|string $parameters = []): string
    {
        // Laravel leaves the folder of the application out of such URLs.
        return request()->getBaseUrl().route("resonate-webhooks.dashboard.{$name}", $parameters, absolute: false);
    }
}
