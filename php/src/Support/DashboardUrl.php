<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Generates URLs of the dashboard without scheme and host, which are unknown behind an untrusted proxy.
 */
final class DashboardUrl
{
    /**
     * Get the URL of a route of the dashboard.
     *
     * @param  array<string, mixed>|string  $parameters
     */
    public static function to(string $name, array|string $parameters = []): string
    {
        // Relative URLs of Laravel lack the folder in which the application is served.
        return request()->getBaseUrl().route("resonate-webhooks.dashboard.{$name}", $parameters, absolute: false);
    }
}
