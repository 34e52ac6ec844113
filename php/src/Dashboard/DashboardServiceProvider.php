<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Dashboard;

use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Illuminate\Routing\Router;
use Illuminate\Support\ServiceProvider;
use Webpatser\ResonateWebhooks\Dashboard\Middleware\AuthorizeDashboard;
use Webpatser\ResonateWebhooks\Dashboard\Middleware\SecurePage;

/**
 * Gives the application a page that shows how the servers are doing. Neither they nor Resonate have to be there.
 */
class DashboardServiceProvider extends ServiceProvider
{
    /**
     * The ability that opens the page.
     */
    public const string ABILITY = 'viewResonateWebhooks';

    /**
     * Offer the page, to whom the gate lets in.
     */
    public function boot(): void
    {
        // The route of the metrics has the same gate, with or without the page.
        $this->callAfterResolving(Gate::class, function (Gate $gate, Application $app): void {
            if (! $gate->has(static::ABILITY)) {
                $gate->define(static::ABILITY, fn (mixed $user = null): bool => $app->environment('local'));
            }
        });

        $page = new PageConfig((array) $this->app['config']->get('resonate-webhooks.dashboard', []));

        if (! $page->enabled()) {
            return;
        }

        $this->loadViewsFrom(dirname(__DIR__, 2).'/resources/views', 'resonate-webhooks');

        if ($this->app instanceof CachesRoutes && $this->app->routesAreCached()) {
            return;
        }

        $this->app->make(Router::class)->group([
            'domain' => $page->domain(),
            'prefix' => $page->path(),
            'middleware' => [...$page->middleware(), AuthorizeDashboard::class, SecurePage::class],
            'as' => 'resonate-webhooks.dashboard.',
        ], dirname(__DIR__, 2).'/routes/dashboard.php');
    }
}
