<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Receiving\ReceivingServiceProvider;

/**
 * Gives the application its config and what it receives webhooks with; Resonate builds the plugin itself.
 */
class WebhooksServiceProvider extends ServiceProvider
{
    /**
     * Merge the package's config under the application's own, and register the receiving side.
     */
    public function register(): void
    {
        $this->mergeConfigFrom(static::configFile(), 'resonate-webhooks');

        $this->app->register(ReceivingServiceProvider::class);
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
