<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Illuminate\Console\Events\CommandFinished;
use Illuminate\Console\Events\CommandStarting;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Support\ServiceProvider;
use Throwable;
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Adds webhooks to Laravel Reverb, only in the process that runs `reverb:start`.
 */
class ReverbWebhooksServiceProvider extends ServiceProvider
{
    /**
     * The command that runs the server.
     */
    protected const string COMMAND = 'reverb:start';

    /**
     * Wait for the command. By then all providers of the application have registered their bindings.
     */
    public function boot(): void
    {
        if (! $this->app->runningInConsole()) {
            return;
        }

        // Laravel dispatches no events for commands in the testing environment, unless it is told to.
        if ($this->app->runningUnitTests() && in_array(static::COMMAND, $_SERVER['argv'] ?? [], true)) {
            $this->app->make(Kernel::class)->rerouteSymfonyCommandEvents();
        }

        $this->app['events']->listen(CommandStarting::class, function (CommandStarting $starting): void {
            if ($starting->command === static::COMMAND) {
                $this->prepare();
            }
        });
    }

    /**
     * Install the hooks, or log why there are no webhooks. Reverb starts in any case.
     */
    protected function prepare(): void
    {
        try {
            if (! ReverbSetup::isOn()) {
                return;
            }

            if (($problem = ReverbSetup::obstacle()) !== null) {
                ServerLog::error("Resonate webhooks are off: {$problem}");

                return;
            }

            $server = new ReverbServer($this->app);
            $server->install();

            $this->app['events']->listen(CommandFinished::class, function (CommandFinished $finished) use ($server): void {
                if ($finished->command === static::COMMAND) {
                    $server->end();
                }
            });
        } catch (Throwable $e) {
            (new Guard)->report($e);
        }
    }
}
