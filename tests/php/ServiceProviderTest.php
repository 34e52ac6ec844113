<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Contracts\Console\Kernel;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Foundation\Application;
use PHPUnit\Framework\TestCase;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\WebhooksServiceProvider;

final class ServiceProviderTest extends TestCase
{
    private ?TestApplication $application = null;

    protected function tearDown(): void
    {
        $this->application?->remove($this);
    }

    public function test_every_key_of_the_replaced_package_keeps_its_default(): void
    {
        $config = $this->application()['config']['resonate-webhooks'];

        $this->assertSame('wh', $config['key_prefix']);
        $this->assertSame(90, $config['ttl']);
        $this->assertSame(1.0, $config['flush_interval']);
        $this->assertSame(30.0, $config['reconcile_interval']);
        $this->assertSame(5, $config['max_attempts']);
        $this->assertSame([], $config['endpoints']);
        $this->assertSame(
            ['url' => null, 'scheme' => 'tcp', 'host' => '127.0.0.1', 'port' => '6379', 'username' => null, 'password' => null, 'database' => '0', 'timeout' => 5],
            array_slice($config['connection'], 0, 8),
        );
    }

    public function test_every_new_key_has_a_default(): void
    {
        $config = $this->application()['config']['resonate-webhooks'];

        $this->assertSame(
            [
                'ca_file' => null, 'client_cert' => null, 'client_key' => null,
                'cluster' => null, 'shards' => null, 'sentinels' => null, 'service' => 'mymaster', 'sentinel_username' => null, 'sentinel_password' => null,
            ],
            array_slice($config['connection'], 8),
        );
        $this->assertSame(
            [
                'cluster_name' => null, 'reverb' => null, 'ignore_channel_prefixes' => ['#'],
                'departure_grace' => 0.0, 'subscription_count_interval' => 5.0, 'cache_miss_ttl' => 60.0,
                'timeout' => 10.0, 'connect_timeout' => 5.0,
                'retry_for' => null, 'retry_after_max' => 300.0, 'backoff' => 'exponential', 'keep_answers' => 512,
                'https_only' => false, 'proxy' => null,
                'deny_private_networks' => null, 'allow_link_local' => false,
                'batch_max_events' => 1000, 'batch_max_bytes' => 262144,
                'outbox_max_events' => 100000, 'outbox_max_bytes' => null,
                'dead_letter_max' => 10000, 'dead_letter_max_per_endpoint' => 1000,
                'dead_letter_max_bytes' => 268435456, 'dead_letter_days' => 7, 'queue_size' => 65536,
                'shutdown_timeout' => 5.0,
                'metrics_listen' => null, 'metrics_public' => false, 'metrics_route' => null, 'metrics_middleware' => [],
                'endpoints_refresh' => 30.0, 'previous_secrets' => [],
                'dashboard' => ['enabled' => true, 'path' => 'resonate-webhooks', 'domain' => null, 'middleware' => ['web']],
            ],
            array_diff_key($config, array_flip([
                'connection', 'key_prefix', 'ttl', 'flush_interval', 'reconcile_interval', 'max_attempts', 'endpoints',
            ])),
        );
    }

    public function test_the_packages_redis_variables_take_precedence_over_laravels(): void
    {
        $connection = $this->configWith([
            'REDIS_HOST' => 'common', 'REDIS_PORT' => '6380', 'REDIS_DB' => '2', 'REDIS_PASSWORD' => 'common-password',
            'RESONATE_WEBHOOKS_REDIS_HOST' => 'own', 'RESONATE_WEBHOOKS_REDIS_DB' => '3',
        ])['connection'];

        $this->assertSame('own', $connection['host']);
        $this->assertSame('3', $connection['database']);
        $this->assertSame('6380', $connection['port']);
        $this->assertSame('common-password', $connection['password']);
    }

    public function test_text_from_the_environment_is_passed_to_the_engine(): void
    {
        $config = $this->configWith([
            'RESONATE_WEBHOOKS_PREFIX' => 'other', 'RESONATE_WEBHOOKS_TTL' => '90s', 'RESONATE_WEBHOOKS_FLUSH' => '2',
            'RESONATE_WEBHOOKS_RECONCILE' => '10', 'RESONATE_WEBHOOKS_MAX_ATTEMPTS' => '7',
            'RESONATE_WEBHOOKS_SHUTDOWN_TIMEOUT' => '1.5', 'RESONATE_WEBHOOKS_QUEUE_SIZE' => '1024',
        ]);

        $this->assertSame(
            ['other', '90s', '2', '10', '7', '1.5', '1024'],
            [
                $config['key_prefix'], $config['ttl'], $config['flush_interval'], $config['reconcile_interval'],
                $config['max_attempts'], $config['shutdown_timeout'], $config['queue_size'],
            ],
        );
    }

    public function test_no_config_file_casts_environment_variables(): void
    {
        foreach (glob(dirname(__DIR__, 2).'/php/config/*.php') ?: [] as $file) {
            $this->assertDoesNotMatchRegularExpression('/\((?:int|float|bool|string)\) *env/', (string) file_get_contents($file), $file);
        }
    }

    public function test_an_older_config_file_works_and_gets_the_new_keys(): void
    {
        $config = $this->application([
            'connection' => ['host' => 'redis', 'port' => 6379, 'database' => 0],
            'key_prefix' => 'mine',
            'endpoints' => [['url' => 'https://example.test/hook']],
        ])['config']['resonate-webhooks'];

        $this->assertSame('mine', $config['key_prefix']);
        $this->assertSame([['url' => 'https://example.test/hook']], $config['endpoints']);
        $this->assertSame(10.0, $config['timeout']);
    }

    public function test_the_config_can_be_published(): void
    {
        $laravel = $this->application();

        $this->artisan($laravel, 'vendor:publish', ['--tag' => 'resonate-webhooks-config']);

        $this->assertFileEquals(
            dirname(__DIR__, 2).'/php/config/resonate-webhooks.php',
            $laravel->configPath('resonate-webhooks.php'),
        );
    }

    public function test_the_receiving_config_is_a_separate_file(): void
    {
        $laravel = $this->application();

        $this->assertSame(
            ['secrets' => [], 'pusher_only' => null, 'tolerance' => null, 'dedupe_for' => 86400, 'lock_for' => 20, 'store' => null, 'max_bytes' => 1048576],
            $laravel['config']['resonate-webhooks-receiving'],
        );

        $this->artisan($laravel, 'vendor:publish', ['--tag' => 'resonate-webhooks-receiving-config']);

        $this->assertFileEquals(
            dirname(__DIR__, 2).'/php/config/resonate-webhooks-receiving.php',
            $laravel->configPath('resonate-webhooks-receiving.php'),
        );
    }

    public function test_the_config_can_be_cached(): void
    {
        $laravel = $this->application();
        $fresh = $laravel['config']['resonate-webhooks'];

        $this->artisan($laravel, 'config:cache');
        $cached = $this->application->reboot();

        $this->assertTrue($cached->configurationIsCached());
        $this->assertSame($fresh, $cached['config']['resonate-webhooks']);
    }

    public function test_laravel_discovers_the_provider(): void
    {
        $composer = json_decode((string) file_get_contents(dirname(__DIR__, 2).'/composer.json'), true, flags: JSON_THROW_ON_ERROR);

        $this->assertSame([WebhooksServiceProvider::class], $composer['extra']['laravel']['providers']);
        $this->assertArrayHasKey('webpatser/resonate-webhooks', $composer['replace']);
    }

    public function test_receiving_requires_neither_the_extension_nor_resonate(): void
    {
        $composer = json_decode((string) file_get_contents(dirname(__DIR__, 2).'/composer.json'), true, flags: JSON_THROW_ON_ERROR);
        $optional = ['ext-resonate_webhooks', 'laravel/reverb', 'webpatser/resonate', 'webpatser/resonate-roster'];

        $this->assertSame([], array_intersect($optional, array_keys($composer['require'])));
        $this->assertSame($optional, array_keys($composer['suggest']));
        $this->assertSame(array_slice($optional, 1), array_keys($composer['conflict']));

        foreach ((new Filesystem)->allFiles(dirname(__DIR__, 2).'/php/src/Receiving') as $file) {
            $this->assertDoesNotMatchRegularExpression('/Webpatser\\\\Resonate\\\\|\\\\Native\\\\/', $file->getContents(), $file->getFilename());
        }
    }

    /**
     * @param  array<string, mixed>|null  $webhooks
     */
    private function application(?array $webhooks = null): Application
    {
        return ($this->application = new TestApplication($webhooks))->laravel;
    }

    /**
     * Read the config file with some environment variables set.
     *
     * @param  array<string, string>  $variables
     * @return array<string, mixed>
     */
    private function configWith(array $variables): array
    {
        $_SERVER = [...$_SERVER, ...$variables];

        try {
            return require dirname(__DIR__, 2).'/php/config/resonate-webhooks.php';
        } finally {
            $_SERVER = array_diff_key($_SERVER, $variables);
        }
    }

    /**
     * @param  array<string, string>  $arguments
     */
    private function artisan(Application $laravel, string $command, array $arguments = []): void
    {
        $kernel = $laravel->make(Kernel::class);

        $this->assertSame(0, $kernel->call($command, $arguments), $kernel->output());
    }
}
