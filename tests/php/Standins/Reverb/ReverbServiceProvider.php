<?php

declare(strict_types=1);

namespace Laravel\Reverb;

use Illuminate\Support\ServiceProvider;
use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Servers\Reverb\Console\Commands\RestartServer;
use Laravel\Reverb\Servers\Reverb\Console\Commands\StartServer;

/**
 * Binds the applications of the `reverb` config, and registers the commands.
 */
class ReverbServiceProvider extends ServiceProvider
{
    public function register(): void
    {
        $this->app->bind(ApplicationProvider::class, ConfigApplicationProvider::class);
    }

    public function boot(): void
    {
        $this->commands([StartServer::class, RestartServer::class]);
    }
}
