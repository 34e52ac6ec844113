<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\ServiceProvider;

/**
 * Gives the application its `resonate-webhooks` config; Resonate builds the plugin itself.
 */
class WebhooksServiceProvider extends ServiceProvider
{
    /**
     * Merge the package's config under the application's own.
     */
    public function register(): void
    {
        $this->mergeConfigFrom(static::configFile(), 'resonate-webhooks');
    }

    /**
     * Offer the config for publishing.
     */
    public function boot(): void
    {
        if ($this->app->runningInConsole()) {
            $this->publishes([
                static::configFile() => $this->app->configPath('resonate-webhooks.php'),
            ], 'resonate-webhooks-config');
        }
    }

    /**
     * The path of the package's config file.
     */
    protected static function configFile(): string
    {
        return dirname(__DIR__).'/config/resonate-webhooks.php';
    }
}
