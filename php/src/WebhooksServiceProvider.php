<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Foundation\Console\AboutCommand;
use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Dashboard\DashboardServiceProvider;
use Webpatser\ResonateWebhooks\Metrics\MetricsController;
use Webpatser\ResonateWebhooks\Receiving\ReceivingServiceProvider;

/**
 * Gives the application its config and commands, its dashboard, and what it receives webhooks with; Resonate builds the plugin itself.
 */
class WebhooksServiceProvider extends ServiceProvider
{
    /**
     * The commands for whoever is on call.
     *
     * @var list<class-string>
     */
    protected const array COMMANDS = [
        Console\Commands\AdoptCommand::class,
        Console\Commands\CheckCommand::class,
        Console\Commands\FailedCommand::class,
        Console\Commands\FlushCommand::class,
        Console\Commands\ForgetCommand::class,
        Console\Commands\PauseCommand::class,
        Console\Commands\ResumeCommand::class,
        Console\Commands\RetryCommand::class,
        Console\Commands\ShowCommand::class,
        Console\Commands\StatusCommand::class,
        Console\Commands\TestCommand::class,
        Console\Commands\WatchCommand::class,
    ];

    /**
     * Merge the package's config under the application's own, register the receiving side and the dashboard, and offer the
     * way to the plugin that runs in a server.
     */
    public function register(): void
    {
        $this->app->singleton(Webhooks::class);

        $this->mergeConfigFrom(static::configFile(), 'resonate-webhooks');

        $this->app->register(ReceivingServiceProvider::class);
        $this->app->register(DashboardServiceProvider::class);
    }

    /**
     * Offer the metrics, the config for publishing, and the commands.
     */
    public function boot(): void
    {
        $this->routeMetrics();

        if ($this->app->runningInConsole()) {
            $this->publishes([
                static::configFile() => $this->app->configPath('resonate-webhooks.php'),
            ], 'resonate-webhooks-config');

            $this->commands(static::COMMANDS);

            AboutCommand::add('Resonate Webhooks', fn () => static::about());
        }
    }

    /**
     * Serve the metrics of the cluster where the config says so.
     */
    protected function routeMetrics(): void
    {
        $path = (string) $this->app['config']['resonate-webhooks.metrics_route'];

        if ($path !== '' && ! $this->app->routesAreCached()) {
            $this->app['router']->get($path, MetricsController::class)
                ->middleware((array) $this->app['config']['resonate-webhooks.metrics_middleware'])
                ->name('resonate-webhooks.metrics');
        }
    }

    /**
     * What `artisan about` says; it asks nobody.
     *
     * @return array<string, string>
     */
    protected static function about(): array
    {
        $config = (array) config('resonate-webhooks', []);

        return [
            'Extension' => phpversion('resonate_webhooks') ?: '<fg=red;options=bold>NOT LOADED</>',
            'Outbox' => (string) ($config['outbox'] ?? 'redis'),
            'Key Prefix' => (string) ($config['key_prefix'] ?? 'wh'),
            'Endpoints' => (string) count((array) ($config['endpoints'] ?? [])),
        ];
    }

    /**
     * The path of the package's config file.
     */
    protected static function configFile(): string
    {
        return dirname(__DIR__).'/config/resonate-webhooks.php';
    }
}
