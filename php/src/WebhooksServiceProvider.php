<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Foundation\Console\AboutCommand;
use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Dashboard\DashboardServiceProvider;
use Webpatser\ResonateWebhooks\Dashboard\Middleware\AuthorizeDashboard;
use Webpatser\ResonateWebhooks\Dashboard\PageConfig;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
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
     * Merge the package's config under the application's own, register the receiving side and the dashboard, and bind what
     * applications inject.
     */
    public function register(): void
    {
        $this->app->singleton(Webhooks::class);

        // Scoped: what a provider of endpoints says is asked anew for each request and job.
        $this->app->scoped(Support\EventSender::class);
        $this->app->scoped(Contracts\Cluster::class, Support\NativeCluster::class);
        $this->app->scoped(Contracts\DeadLetters::class, Support\NativeDeadLetters::class);

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
     * Serve the metrics of the cluster where the config says so: behind the middleware that it names, or else behind
     * middleware and gate of the dashboard.
     */
    protected function routeMetrics(): void
    {
        $config = $this->app['config'];
        $path = (string) $config['resonate-webhooks.metrics_route'];

        if ($path === '' || $this->app->routesAreCached()) {
            return;
        }

        $page = new PageConfig((array) $config['resonate-webhooks.dashboard']);

        // The name first: the router looks for it when the route is added.
        $this->app['router']
            ->middleware(array_filter((array) $config['resonate-webhooks.metrics_middleware']) ?: [...$page->middleware(), AuthorizeDashboard::class])
            ->name('resonate-webhooks.metrics')
            ->get($path, MetricsController::class);
    }

    /**
     * What `artisan about` says.
     *
     * @return array<string, mixed>
     */
    protected static function about(): array
    {
        $config = (array) config('resonate-webhooks', []);

        return [
            'Extension' => AboutCommand::format(
                phpversion('resonate_webhooks') ?: 'NOT LOADED',
                console: fn (string $version) => $version === 'NOT LOADED' ? "<fg=red;options=bold>{$version}</>" : $version,
            ),
            'Outbox' => ((string) ($config['outbox'] ?? '')) ?: 'redis',
            'Key Prefix' => ((string) ($config['key_prefix'] ?? '')) ?: 'wh',
            'Endpoints' => static::countEndpoints(app(Contracts\Cluster::class)),
        ];
    }

    /**
     * How many endpoints there are, wherever they come from.
     */
    protected static function countEndpoints(Contracts\Cluster $cluster): string
    {
        try {
            return (string) count($cluster->endpoints());
        } catch (RedisFailed) {
            return rescue(fn () => count($cluster->configured()).' configured, Redis cannot be asked', 'unknown, Redis cannot be asked', report: false);
        } catch (WebhooksException) {
            return 'unknown, run resonate-webhooks:check';
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
