<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Bootstrap\HandleExceptions;
use Illuminate\Foundation\Console\AboutCommand;
use Illuminate\Support\Facades\Facade;
use Laravel\Reverb\Protocols\Pusher\Server;
use PHPUnit\Framework\TestCase;
use Psr\Log\NullLogger;
use React\EventLoop\Loop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\NullOutput;
use Webpatser\Resonate\ResonateServiceProvider;
use Webpatser\ResonateWebhooks\WebhookPlugin;
use Webpatser\ResonateWebhooks\WebhooksServiceProvider;

/**
 * A real Laravel application in its own folder, with Resonate and this package.
 */
final class TestApplication
{
    public readonly Application $laravel;

    /**
     * Create and boot the application, with `$webhooks` as its `resonate-webhooks` config.
     *
     * @param  array<string, mixed>|null  $webhooks
     * @param  list<array<string, mixed>>  $apps  By default one application; see {@see app()}.
     * @param  array<string, mixed>  $server  The config of the server; by default without limits.
     * @param  list<class-string>  $providers
     */
    public function __construct(
        ?array $webhooks = null,
        array $apps = [],
        array $server = [],
        array $providers = [ResonateServiceProvider::class, WebhooksServiceProvider::class],
        string $environment = 'testing',
    ) {
        $base = sys_get_temp_dir().'/webhooks-app-'.bin2hex(random_bytes(6));

        foreach (['bootstrap/cache', 'config', 'storage/framework/views', 'storage/logs'] as $folder) {
            mkdir("{$base}/{$folder}", recursive: true);
        }

        // Laravel warns if the file is missing.
        touch("{$base}/.env");

        // Blade also looks for components in the application's namespace.
        file_put_contents("{$base}/composer.json", '{"autoload": {"psr-4": {"App\\\\": "app/"}}}');

        $this->write("{$base}/config/app.php", ['name' => 'Test', 'env' => $environment, 'debug' => true, 'key' => str_repeat('k', 32), 'cipher' => 'AES-256-CBC']);
        $this->write("{$base}/config/session.php", [
            'driver' => 'array', 'cookie' => 'session', 'lifetime' => 120, 'lottery' => [0, 1],
            'path' => '/', 'domain' => null, 'secure' => null, 'expire_on_close' => true,
        ]);
        $this->write("{$base}/config/cache.php", ['default' => 'array', 'stores' => ['array' => ['driver' => 'array']]]);
        $this->write("{$base}/config/view.php", ['paths' => [], 'compiled' => "{$base}/storage/framework/views"]);
        $this->write("{$base}/config/logging.php", [
            'default' => 'single',
            'channels' => ['single' => ['driver' => 'single', 'path' => "{$base}/storage/logs/laravel.log"]],
        ]);
        $this->write("{$base}/config/reverb.php", [
            'servers' => ['reverb' => $server + [
                'plugins' => [WebhookPlugin::class],
                'max_channel_name_length' => 0,
                'max_subscriptions_per_connection' => 0,
            ]],
            'apps' => ['provider' => 'config', 'apps' => $apps ?: [self::app('1')]],
        ]);
        $this->write("{$base}/bootstrap/providers.php", $providers);

        if ($webhooks !== null) {
            $this->write("{$base}/config/resonate-webhooks.php", $webhooks);
        }

        file_put_contents("{$base}/bootstrap/app.php", <<<'PHP'
            <?php

            return Illuminate\Foundation\Application::configure(dirname(__DIR__))
                ->withExceptions(fn () => null)
                ->create()
                ->dontMergeFrameworkConfiguration();
            PHP);

        $this->laravel = self::boot($base);
    }

    /**
     * Create an application with Laravel Reverb instead of Resonate. By default its environment is not "testing", in which
     * Laravel dispatches no events for commands.
     *
     * @param  array<string, mixed>|null  $webhooks
     * @param  list<array<string, mixed>>  $apps
     */
    public static function withReverb(?array $webhooks = null, array $apps = [], string $environment = 'local'): self
    {
        return new self($webhooks, $apps, [
            'plugins' => [], 'host' => '127.0.0.1', 'port' => FreePort::find(), 'path' => '', 'hostname' => null, 'options' => [],
            'scaling' => ['enabled' => false], 'pulse_ingest_interval' => 15,
        ], array_values(array_filter([
            'Laravel\Reverb\ApplicationManagerServiceProvider', 'Laravel\Reverb\ReverbServiceProvider', WebhooksServiceProvider::class,
        ], class_exists(...))), $environment);
    }

    /**
     * Run the Reverb server until a signal ends it. Returns its exit status. `$serve` is called once, with the webhooks started.
     *
     * @param  Closure(Server): void  $serve
     */
    public function startReverb(Closure $serve): int
    {
        $resolved = false;

        $this->laravel->afterResolving(Server::class, static function (Server $server) use ($serve, &$resolved): void {
            if (! $resolved) {
                $resolved = true;
                // Two ticks later, because the webhooks start in the first one, and their shutdown function must run first.
                Loop::futureTick(static fn () => Loop::futureTick(static fn () => $serve($server)));
            }
        });

        return $this->laravel->make(Kernel::class)->handle(new ArrayInput([
            'command' => 'reverb:start', '--host' => '127.0.0.1', '--port' => (string) config('reverb.servers.reverb.port'),
        ]), new NullOutput);
    }

    /**
     * Get the `reverb` config of an application: ID 1 has `key-1` and `secret-1`.
     *
     * @return array<string, mixed>
     */
    public static function app(string $id, string $acceptClientEventsFrom = 'members'): array
    {
        return [
            'app_id' => $id,
            'key' => "key-{$id}",
            'secret' => "secret-{$id}",
            'ping_interval' => 60,
            'activity_timeout' => 30,
            'allowed_origins' => ['*'],
            'max_message_size' => 100_000,
            'accept_client_events_from' => $acceptClientEventsFrom,
        ];
    }

    /**
     * Boot another instance from the same folder, as another process would.
     */
    public function reboot(): Application
    {
        return self::boot($this->laravel->basePath());
    }

    /**
     * Get the lines of Laravel's log, without date and channel.
     *
     * @return list<string>
     */
    public function log(): array
    {
        $file = $this->laravel->storagePath('logs/laravel.log');

        return is_file($file)
            ? array_map(fn (string $line) => preg_replace('/^\[[^]]+] \w+\.|\s+$/', '', $line), file($file, FILE_IGNORE_NEW_LINES) ?: [])
            : [];
    }

    /**
     * Remove the folder, and reset the global state that Laravel changed.
     */
    public function remove(?TestCase $test = null): void
    {
        (new Filesystem)->deleteDirectory($this->laravel->basePath());

        AboutCommand::flushState();

        if ($test !== null) {
            HandleExceptions::flushState($test);
        }

        // At the end of PHP, the plugin reports to the application that was created last.
        Facade::clearResolvedInstances();
        $this->laravel->instance('log', new NullLogger);
    }

    /**
     * Boot the application in a folder.
     */
    public static function boot(string $base): Application
    {
        Facade::clearResolvedInstances();

        $laravel = require "{$base}/bootstrap/app.php";
        $laravel->make(Kernel::class)->bootstrap();

        return $laravel;
    }

    /**
     * @param  array<mixed>  $content
     */
    private function write(string $file, array $content): void
    {
        file_put_contents($file, '<?php return '.var_export($content, true).';');
    }
}
