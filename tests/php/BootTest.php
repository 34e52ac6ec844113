<?php

declare(strict_types=1);

namespace Tests;

use Closure;
use Illuminate\Foundation\Application;
use PHPUnit\Framework\Attributes\DataProvider;
use stdClass;
use Tests\Support\FakeServer;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\ResonateWebhooks\WebhookPlugin;

final class BootTest extends PluginTestCase
{
    #[DataProvider('mistakes')]
    public function test_an_error_in_the_config_is_one_log_line_that_names_its_key(array $config, string $key): void
    {
        $server = $this->serve($config);

        $this->assertCount(1, $this->application->log());
        $this->assertStringStartsWith("ERROR: Resonate webhooks are off: resonate-webhooks.{$key}", $this->application->log()[0]);

        $server->connect()->join('presence-room', 7)->whisper('presence-room', 'client-a')->unsubscribe('presence-room')->close();
        $this->assertSame([], $server->pluginErrors());
        $this->assertSame([], $this->application->laravel->make(PluginManager::class)->ticks());
    }

    /**
     * @return iterable<string, array{0: array<string, mixed>, 1: string}>
     */
    public static function mistakes(): iterable
    {
        yield 'a URL with another scheme' => [['endpoints' => [['url' => 'https://example.test'], ['url' => 'ftp://example.test']]], 'endpoints.1.url'];
        yield 'an unknown event' => [['endpoints' => [['url' => 'https://example.test', 'events' => ['channel_ocupied']]]], 'endpoints.0.events'];
        yield 'a misspelt key' => [['flush_intervall' => 1.0], 'flush_intervall'];
        yield 'an invalid time' => [['flush_interval' => 'soon'], 'flush_interval'];
    }

    #[DataProvider('transports')]
    public function test_a_transport_of_the_replaced_package_keeps_webhooks_off(Closure $bind): void
    {
        $this->application = new TestApplication($this->config());
        $bind($this->application->laravel);
        $this->server = new FakeServer($this->application->laravel);

        $this->assertCount(1, $this->application->log());
        $this->assertMatchesRegularExpression('/^ERROR: Resonate webhooks are off: .*WebhookTransport is bound .* EndpointProvider .* recorder/', $this->application->log()[0]);
        $this->assertSame([], $this->application->laravel->make(PluginManager::class)->ticks());
    }

    /**
     * @return iterable<string, array{Closure}>
     */
    public static function transports(): iterable
    {
        $contract = 'Webpatser\ResonateWebhooks\WebhookTransport';

        yield 'bound' => [fn (Application $laravel) => $laravel->bind($contract, fn () => new stdClass)];
        yield 'a singleton by its class' => [fn (Application $laravel) => $laravel->singleton($contract, 'App\RecordingTransport')];
        yield 'an instance' => [fn (Application $laravel) => $laravel->instance($contract, new stdClass)];
        yield 'a decorator' => [fn (Application $laravel) => $laravel->extend($contract, fn (object $transport) => $transport)];
    }

    public function test_a_missing_file_is_retried_until_it_exists(): void
    {
        $file = sys_get_temp_dir().'/webhooks-ca-'.bin2hex(random_bytes(6)).'.pem';
        $server = $this->serve(['endpoints' => [$this->endpoint(more: ['ca_file' => $file])]]);
        $server->connect()->subscribe('private-room');
        $this->assertMatchesRegularExpression('/^ERROR: Resonate webhooks have not started: .*ca_file.*; attempt 1, the next one is in 1 s/', $this->application->log()[0]);

        try {
            $key = openssl_pkey_new();
            openssl_x509_export(openssl_csr_sign(openssl_csr_new(['commonName' => 'A test'], $key), null, $key, 1), $certificate);
            file_put_contents($file, $certificate);

            $this->awaitEvent('channel_occupied private-room');
        } finally {
            unlink($file);
        }
    }

    public function test_hooks_before_boot_do_nothing(): void
    {
        $this->serve();

        $plugin = new WebhookPlugin;
        $client = $this->server->connect();

        $plugin->onOpen($client->connection);
        $plugin->onClose($client->connection);

        $this->assertSame([], $plugin->ticks());
    }

    public function test_without_the_extension_the_server_runs_and_logs_what_is_missing(): void
    {
        $process = Process::plainPhp('without-extension.php', 'a server without the extension');

        $this->assertSame(
            ['["presence-room"]', '[]', '1', 'the PHP extension resonate_webhooks is not loaded'],
            $process->rest(),
        );
    }

    public function test_an_extension_of_another_minor_version_is_refused_by_name(): void
    {
        $output = implode("\n", Process::php('other-version.php', 'a server of version 0.2.0', '0.2.0')->rest());

        $this->assertStringContainsString(
            'ERROR: Resonate webhooks are off: the PHP extension resonate_webhooks has version 0.1.0, but the Composer package is for 0.2.0: install releases of the same minor version',
            $output,
        );
        $this->assertStringContainsString('exit code 1', $output);
    }

    public function test_an_extension_of_another_patch_version_is_accepted(): void
    {
        $output = implode("\n", Process::php('other-version.php', 'a server of version 0.1.9', '0.1.9')->rest());

        $this->assertStringNotContainsString('webhooks are off', $output);
        $this->assertStringContainsString('The extension has version 0.1.0, but this package was written for 0.1.9', $output);
    }

    public function test_an_unreachable_redis_neither_stops_nor_slows_the_boot_and_the_hooks(): void
    {
        $begin = hrtime(true);

        $server = $this->serve(['connection' => ['host' => '127.0.0.1', 'port' => (string) FreePort::find()], 'shutdown_timeout' => 0.0]);
        $ann = $server->connect();

        for ($i = 0; $i < 1000; $i++) {
            $ann->join("presence-{$i}", 7);
        }

        $this->assertLessThan(2.0, (hrtime(true) - $begin) / 1e9);
        Wait::until(fn () => preg_grep('/^(WARNING|ERROR): Resonate webhooks: .*Redis/i', $this->application->log()), 'a line about Redis');
    }

    public function test_secrets_do_not_show_up_in_a_dump_of_the_plugin(): void
    {
        $this->serve();
        $plugin = new WebhookPlugin;
        $plugin->boot($this->application->laravel->make(PluginContext::class));
        $client = $this->server->connect();
        $plugin->onOpen($client->connection);

        ob_start();
        var_dump($plugin);
        print_r($plugin);
        $dump = (string) ob_get_clean();

        $this->assertStringContainsString('booted', $dump);
        $this->assertStringNotContainsString('secret-1', $dump);
    }
}
