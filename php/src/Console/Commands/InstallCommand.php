<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Filesystem\Filesystem;
use Illuminate\Foundation\Bootstrap\LoadEnvironmentVariables;
use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Console\Installation;
use Webpatser\ResonateWebhooks\Console\InstallResult;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;

use function Laravel\Prompts\text;

/**
 * Installs the package in this application.
 */
#[AsCommand(name: 'resonate-webhooks:install')]
class InstallCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:install
                            {--url= : The URL that receives the webhooks}
                            {--dry-run : Show the steps and change nothing}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Publish the config, register the plugin and add an endpoint';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $installation = new Installation($this->laravel, new Filesystem, $this->option('dry-run'));
        $toDo = false;

        $this->newLine();

        foreach ($installation->run($this->url($installation)) as $step => $result) {
            $this->components->twoColumnDetail($step, $result->tone()->badge($result->value));
            $toDo = $toDo || $result === InstallResult::Manual;
        }

        if ($toDo) {
            $this->components->warn('A step needs you: the file is missing, or has another value there. See "Register with Resonate" in docs/install.md.');
        }

        if (! HostRelease::resonate()->isPresent() && ! HostRelease::reverb()->isPresent()) {
            $this->components->warn('No WebSocket server is installed. Require webpatser/resonate or laravel/reverb with Composer.');
        }

        return $this->option('dry-run') ? self::SUCCESS : $this->check();
    }

    /**
     * Get the URL of the endpoint to add, or null for none.
     */
    protected function url(Installation $installation): ?string
    {
        $url = $this->option('url');

        if ($url === null && $this->input->isInteractive() && ! $installation->hasEndpoint()) {
            $url = text('Which URL receives the webhooks?', placeholder: 'https://example.com/webhooks/resonate', hint: 'Leave it empty to add an endpoint later.');
        }

        return $url === '' ? null : $url;
    }

    /**
     * Check the setup with the files as they are now.
     */
    protected function check(): int
    {
        if ($this->laravel->configurationIsCached()) {
            $this->components->warn('The config is cached. Run "php artisan config:cache", then "php artisan resonate-webhooks:check".');

            return self::SUCCESS;
        }

        (new LoadEnvironmentVariables)->bootstrap($this->laravel);

        foreach (['resonate-webhooks', 'resonate-roster', 'reverb'] as $name) {
            if (is_file($file = $this->laravel->configPath("{$name}.php"))) {
                config([$name => [...(array) config($name), ...require $file]]);
            }
        }

        // The roster's own file may not be published.
        config(['resonate-roster.track' => env('RESONATE_ROSTER_TRACK', config('resonate-roster.track'))]);
        $this->laravel->forgetScopedInstances();

        return $this->call(CheckCommand::class);
    }
}
