<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Foundation\Console\AboutCommand;
use Illuminate\Routing\Router;
use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Http\Controllers\MetricsController;
use Webpatser\ResonateWebhooks\Http\Middleware\AuthorizeDashboard;
use Webpatser\ResonateWebhooks\Http\Middleware\SecurityHeaders;
use Webpatser\ResonateWebhooks\Receiving\ReceivingServiceProvider;
use Webpatser\ResonateWebhooks\Reverb\ReverbSetup;
use Webpatser\ResonateWebhooks\Reverb\ReverbWebhooksServiceProvider;
use Webpatser\ResonateWebhooks\Support\DashboardConfig;

/**
 * Registers the config, the commands, the dashboard, the metrics and the receiving side. Resonate creates its plugin
 * from its own config; Reverb gets its hooks here.
 */
class WebhooksServiceProvider extends ServiceProvider
{
    /**
     * Register the package's services.
     */
    public function register(): void
    {
        $this->mergeConfigFrom(static::path('config/resonate-webhooks.php'), 'resonate-webhooks');

        $this->registerServices();

        $this->app->register(ReceivingServiceProvider::class);

        if (ReverbSetup::isInstalled()) {
            $this->app->register(ReverbWebhooksServiceProvider::class);
        }
    }

    /**
     * Bootstrap the package's services.
     */
    public function boot(): void
    {
        $this->registerAuthorization();
        $this->registerDashboard();
        $this->registerMetrics();

        if ($this->app->runningInConsole()) {
            $this->registerPublishing();
            $this->registerCommands();
            $this->registerAboutSection();
        }
    }

    /**
     * Register the services that applications inject.
     */
    protected function registerServices(): void
    {
        $this->app->singleton(Webhooks::class);

        // Scoped, so that each request and job calls an EndpointProvider again.
        $this->app->scoped(Contracts\Cluster::class, Support\NativeCluster::class);
        $this->app->scoped(Contracts\DeadLetters::class, Support\NativeDeadLetters::class);
        $this->app->scoped(Contracts\Presence::class, Support\NativePresence::class);
        $this->app->scoped(Support\EventSender::class);
    }

    /**
     * Register the gate of the dashboard and the metrics, unless the application defines its own.
     */
    protected function registerAuthorization(): void
    {
        $this->callAfterResolving(Gate::class, function (Gate $gate, Application $app): void {
            if (! $gate->has(AuthorizeDashboard::ABILITY)) {
                $gate->define(AuthorizeDashboard::ABILITY, fn (mixed $user = null): bool => $app->environment('local'));
            }
        });
    }

    /**
     * Register the views and routes of the dashboard.
     */
    protected function registerDashboard(): void
    {
        $config = $this->dashboardConfig();

        if (! $config->enabled()) {
            return;
        }

        $this->loadViewsFrom(static::path('resources/views'), 'resonate-webhooks');

        if ($this->app->routesAreCached()) {
            return;
        }

        $this->app->make(Router::class)->group([
            'domain' => $config->domain(),
            'prefix' => $config->path(),
            'middleware' => [...$config->middleware(), AuthorizeDashboard::class, SecurityHeaders::class],
            'as' => 'resonate-webhooks.dashboard.',
        ], static::path('routes/dashboard.php'));
    }

    /**
     * Register the metrics route. By default, it has the middleware and the gate of the dashboard.
     */
    protected function registerMetrics(): void
    {
        $config = $this->app->make('config');
        $path = (string) $config->get('resonate-webhooks.metrics_route');

        if ($path === '' || $this->app->routesAreCached()) {
            return;
        }

        $middleware = array_filter((array) $config->get('resonate-webhooks.metrics_middleware'));

        // The name comes first, because the router indexes a route by name when the route is added.
        $this->app->make(Router::class)
            ->middleware($middleware ?: [...$this->dashboardConfig()->middleware(), AuthorizeDashboard::class])
            ->name('resonate-webhooks.metrics')
            ->get($path, MetricsController::class);
    }

    /**
     * Register the config file for publishing.
     */
    protected function registerPublishing(): void
    {
        $this->publishes([
            static::path('config/resonate-webhooks.php') => $this->app->configPath('resonate-webhooks.php'),
        ], 'resonate-webhooks-config');
    }

    /**
     * Register the Artisan commands.
     */
    protected function registerCommands(): void
    {
        $this->commands([
            Console\Commands\AdoptCommand::class,
            Console\Commands\CheckCommand::class,
            Console\Commands\FailedCommand::class,
            Console\Commands\FlushCommand::class,
            Console\Commands\ForgetCommand::class,
            Console\Commands\InstallCommand::class,
            Console\Commands\PauseCommand::class,
            Console\Commands\ResumeCommand::class,
            Console\Commands\RetryCommand::class,
            Console\Commands\ShowCommand::class,
            Console\Commands\StatusCommand::class,
            Console\Commands\TestCommand::class,
            Console\Commands\WatchCommand::class,
        ]);
    }

    /**
     * Register the section of the `about` command.
     */
    protected function registerAboutSection(): void
    {
        AboutCommand::add('Resonate Webhooks', fn () => $this->app->make(Console\AboutSection::class)->rows());
    }

    /**
     * Get the dashboard's part of the config.
     */
    protected function dashboardConfig(): DashboardConfig
    {
        return new DashboardConfig((array) $this->app->make('config')->get('resonate-webhooks.dashboard', []));
    }

    /**
     * Get the path of one of the package's files.
     */
    protected static function path(string $file): string
    {
        return dirname(__DIR__).'/'.$file;
    }
}
