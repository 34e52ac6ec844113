<?php

declare(strict_types=1);

namespace Demo\Node;

use Demo\App;
use Illuminate\Bus\BusServiceProvider;
use Illuminate\Cache\CacheServiceProvider;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Filesystem\FilesystemServiceProvider;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Providers\ConsoleSupportServiceProvider;
use Illuminate\Foundation\Providers\FoundationServiceProvider;
use Illuminate\Queue\QueueServiceProvider;
use Illuminate\Translation\TranslationServiceProvider;
use Illuminate\Validation\ValidationServiceProvider;
use Monolog\Handler\StreamHandler;
use Webpatser\Resonate\ResonateServiceProvider;
use Webpatser\ResonateRoster\RedisRosterPlugin;
use Webpatser\ResonateRoster\RosterServiceProvider;
use Webpatser\ResonateWebhooks\WebhookPlugin;
use Webpatser\ResonateWebhooks\WebhooksServiceProvider;

/**
 * A Laravel application as small as one can be. Its config comes the way `config:cache` leaves it.
 */
final class LaravelApp
{
    /**
     * Seconds after which a silent node counts as dead; the default of 90 would make a long demo.
     */
    private const int LEASE = 3;

    /**
     * Write the application's config, and start it up to where a console command would run.
     */
    public static function boot(Settings $settings): Application
    {
        foreach (['bootstrap/cache', 'storage'] as $folder) {
            mkdir("{$settings->folder}/{$folder}", recursive: true);
        }

        file_put_contents(
            "{$settings->folder}/bootstrap/cache/config.php",
            '<?php return '.var_export(self::config($settings), true).';',
        );

        $laravel = Application::configure($settings->folder)->withExceptions()->create();
        $laravel->make(Kernel::class)->bootstrap();

        return $laravel;
    }

    /**
     * @return list<class-string>
     */
    private static function providers(): array
    {
        return array_values(array_filter([
            BusServiceProvider::class,
            CacheServiceProvider::class,
            ConsoleSupportServiceProvider::class,
            FilesystemServiceProvider::class,
            FoundationServiceProvider::class,
            QueueServiceProvider::class,
            TranslationServiceProvider::class,
            ValidationServiceProvider::class,
            ResonateServiceProvider::class,
            RosterServiceProvider::class,
            WebhooksServiceProvider::class,
        ], class_exists(...)));
    }

    /**
     * What an application that uses the package has in its config folder.
     *
     * @return array<string, mixed>
     */
    private static function config(Settings $settings): array
    {
        $redis = ['host' => '127.0.0.1', 'port' => $settings->redisPort];

        return [
            'app' => ['env' => 'local', 'debug' => true, 'timezone' => 'UTC', 'locale' => 'en', 'fallback_locale' => 'en', 'providers' => self::providers()],
            'cache' => ['default' => 'array', 'stores' => ['array' => ['driver' => 'array']]],
            'logging' => ['default' => 'stderr', 'channels' => ['stderr' => [
                'driver' => 'monolog', 'handler' => StreamHandler::class, 'with' => ['stream' => 'php://stderr'],
            ]]],
            'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']]],
            'reverb' => [
                'default' => 'reverb',
                'servers' => ['reverb' => [
                    'host' => '127.0.0.1',
                    'port' => $settings->port,
                    'hostname' => null,
                    // The roster goes first; the clock goes last and tells when the webhooks are through.
                    'plugins' => array_values(array_filter(
                        [RedisRosterPlugin::class, WebhookPlugin::class, HookClock::class], class_exists(...),
                    )),
                ]],
                'apps' => [
                    'provider' => 'config',
                    'apps' => array_map(fn (string $id) => new App($id)->reverbConfig(), $settings->apps),
                ],
            ],
            'resonate-roster' => ['connection' => $redis, 'track' => 'all', 'ttl' => self::LEASE, 'heartbeat_interval' => self::LEASE / 3],
            'resonate-webhooks' => [
                'connection' => $redis,
                'ttl' => self::LEASE,
                'flush_interval' => 0.1,
                'shutdown_timeout' => 2.0,
                'endpoints' => array_map(fn (string $url) => ['url' => $url], $settings->endpoints),
            ],
        ];
    }
}
