<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Cache\Factory as CacheFactory;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Foundation\Http\Middleware\PreventRequestForgery;
use Illuminate\Routing\Route;
use Illuminate\Routing\Router;
use Illuminate\Support\Arr;
use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\Middleware\DeduplicateWebhooks;
use Webpatser\ResonateWebhooks\Receiving\Middleware\VerifyWebhookSignature;

/**
 * Registers the receiving side, which requires neither the extension nor Resonate.
 */
class ReceivingServiceProvider extends ServiceProvider
{
    /**
     * Register the services that verify and deduplicate webhooks.
     */
    public function register(): void
    {
        $this->mergeConfigFrom(static::configFile(), 'resonate-webhooks-receiving');

        $this->app->bindIf(SecretProvider::class, ConfigSecrets::class);

        $this->app->bind(ReceivingConfig::class, fn (Application $app) => new ReceivingConfig((array) $app['config']['resonate-webhooks-receiving']));

        $this->app->bind(Verifier::class, function (Application $app) {
            $config = $app->make(ReceivingConfig::class);

            return new Verifier(
                $app->make(SecretProvider::class),
                $app->make(AppKeys::class),
                $config->integer('tolerance', null),
                $config->integer('max_bytes', 1_048_576, 1),
                $config->names('pusher_only'),
            );
        });

        $this->app->bind(Deduplicator::class, function (Application $app) {
            $config = $app->make(ReceivingConfig::class);

            return new Deduplicator(
                $app->make(CacheFactory::class)->store($config->string('store')),
                $config->dedupeFor(),
                $config->integer('lock_for', 20, 1),
            );
        });
    }

    /**
     * Register the route macro and the config file for publishing.
     */
    public function boot(): void
    {
        // The default is `*`, not null: if `app` is an unset environment variable, the route must accept no webhooks.
        Router::macro('resonateWebhooks', function (string $uri, string $name = 'resonate-webhooks', string|int|array|null $app = '*'): Route {
            /** @var Router $this */
            $verify = $app === '*' ? VerifyWebhookSignature::class : VerifyWebhookSignature::only(...array_values(Arr::wrap($app)));

            return $this->name($name)
                ->middleware([$verify, DeduplicateWebhooks::class])
                ->withoutMiddleware(['web', PreventRequestForgery::class])
                ->post($uri, WebhookController::class);
        });

        if ($this->app->runningInConsole()) {
            $this->publishes([
                static::configFile() => $this->app->configPath('resonate-webhooks-receiving.php'),
            ], 'resonate-webhooks-receiving-config');
        }
    }

    /**
     * Get the path of the config file.
     */
    protected static function configFile(): string
    {
        return dirname(__DIR__, 2).'/config/resonate-webhooks-receiving.php';
    }
}
