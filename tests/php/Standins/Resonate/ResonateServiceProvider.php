<?php

declare(strict_types=1);

namespace Webpatser\Resonate;

use Illuminate\Support\ServiceProvider;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\Resonate\Protocols\Pusher\Managers\ArrayChannelManager;
use Webpatser\Resonate\Scheduling\Scheduler;

/**
 * Binds the services of the server, with the applications and plugins of the `reverb` config.
 */
class ResonateServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->app->bind(ApplicationProvider::class, fn () => new ConfigApplicationProvider(collect(config('reverb.apps.apps'))));
        $this->app->singleton(ChannelManager::class, ArrayChannelManager::class);
        $this->app->singleton(Scheduler::class);
        $this->app->singleton(PluginContext::class);
        $this->app->singleton(PluginManager::class, function ($app) {
            $manager = new PluginManager($app->make(PluginContext::class));

            foreach (config('reverb.servers.reverb.plugins', []) as $plugin) {
                $manager->register($app->make($plugin));
            }

            return $manager;
        });
    }
}
