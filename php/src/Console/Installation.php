<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Dotenv\Dotenv;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Filesystem\Filesystem;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Hosts\HostRelease;
use Webpatser\ResonateWebhooks\RosterSetup;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * Installs the package in an application, step by step. A step that is done already changes nothing.
 */
final class Installation
{
    /**
     * The environment variable with the URL of the endpoint.
     */
    public const string URL = 'RESONATE_WEBHOOK_URL';

    /**
     * Create a new instance.
     */
    public function __construct(private readonly Application $app, private readonly Filesystem $files, private readonly bool $dryRun)
    {
        //
    }

    /**
     * Determine if the application has an endpoint, or a provider of endpoints.
     */
    public function hasEndpoint(): bool
    {
        return $this->app->bound(EndpointProvider::class) || ! empty(config('resonate-webhooks.endpoints'));
    }

    /**
     * Take all steps, and say what each did.
     *
     * @param  string|null  $url  The URL of the endpoint, if one shall be added.
     * @return iterable<string, InstallResult>
     */
    public function run(?string $url): iterable
    {
        yield 'Publish config/resonate-webhooks.php' => $this->publishConfig();

        if ($url !== null) {
            yield 'Add the endpoint to config/resonate-webhooks.php' => $this->addEndpoint($url);
            yield 'Set '.self::URL.' in .env' => $this->setVariable(self::URL, $url);
        }

        if (HostRelease::resonate()->isPresent()) {
            yield 'Add the plugin to config/reverb.php' => $this->addPlugin();
        }

        if (class_exists(RosterSetup::ROSTER)) {
            yield 'Set RESONATE_ROSTER_TRACK in .env' => config('resonate-roster.track') === 'all'
                ? InstallResult::Unchanged
                : $this->setVariable('RESONATE_ROSTER_TRACK', 'all');
        }
    }

    /**
     * Publish the config file, unless the application has one.
     */
    private function publishConfig(): InstallResult
    {
        return $this->files->exists($this->configFile())
            ? InstallResult::Unchanged
            : $this->write($this->configFile(), $this->packagedConfig());
    }

    /**
     * Add an endpoint, whose URL comes from the environment.
     */
    private function addEndpoint(string $url): InstallResult
    {
        $source = new ConfigSource($this->files->exists($this->configFile()) ? $this->files->get($this->configFile()) : $this->packagedConfig());

        if (in_array($url, array_column((array) config('resonate-webhooks.endpoints'), 'url'), true) || $source->calls('env', self::URL)) {
            return InstallResult::Unchanged;
        }

        return $source->append('endpoints', ["['url' => env('".self::URL."')],"])
            ? $this->write($this->configFile(), $source->text)
            : InstallResult::Manual;
    }

    /**
     * Add the plugin of the webhooks, after that of the roster.
     */
    private function addPlugin(): InstallResult
    {
        $plugins = (array) config('reverb.servers.reverb.plugins', []);

        if (RosterSetup::position(WebhookPlugin::class, $plugins) !== null) {
            return InstallResult::Unchanged;
        }

        $file = $this->app->configPath('reverb.php');

        if (! $this->files->exists($file)) {
            return InstallResult::Manual;
        }

        $missing = array_filter([RosterSetup::ROSTER, WebhookPlugin::class], fn (string $plugin) => class_exists($plugin) && RosterSetup::position($plugin, $plugins) === null);
        $lines = array_map(fn (string $plugin) => "\\{$plugin}::class,", array_values($missing));
        $source = new ConfigSource($this->files->get($file));

        return $source->append('servers.reverb.plugins', $lines)
            || (! array_key_exists('plugins', (array) config('reverb.servers.reverb'))
                && $source->append('servers.reverb', ["'plugins' => [", ...array_map(fn (string $line) => "    {$line}", $lines), '],']))
            ? $this->write($file, $source->text)
            : InstallResult::Manual;
    }

    /**
     * Set a variable in the environment file. One that has another value there is left to the user.
     */
    private function setVariable(string $name, string $value): InstallResult
    {
        $file = $this->app->environmentFilePath();
        $lines = $this->files->exists($file) ? $this->files->get($file) : '';
        $set = Dotenv::parse($lines)[$name] ?? '';

        if ($set !== '') {
            return $set === $value ? InstallResult::Unchanged : InstallResult::Manual;
        }

        $lines = (string) preg_replace("/^\h*{$name}\h*=.*\n?/m", '', $lines);

        return $this->write($file, ($lines === '' ? '' : rtrim($lines)."\n").$name.'="'.addcslashes($value, '"\\$')."\"\n");
    }

    /**
     * Write a file, unless this is a dry run.
     */
    private function write(string $file, string $text): InstallResult
    {
        if (! $this->dryRun) {
            $this->files->ensureDirectoryExists(dirname($file));
            $this->files->put($file, $text);
        }

        return InstallResult::Done;
    }

    /**
     * Get the path of the application's config file.
     */
    private function configFile(): string
    {
        return $this->app->configPath('resonate-webhooks.php');
    }

    /**
     * Get the package's config file.
     */
    private function packagedConfig(): string
    {
        return $this->files->get(dirname(__DIR__, 2).'/config/resonate-webhooks.php');
    }
}
