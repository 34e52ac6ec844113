<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Env;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\RedisServer;

/**
 * The config that an application has published from a release of webpatser/resonate-webhooks works as it is.
 */
final class DropInTest extends PluginTestCase
{
    /**
     * @param  array<string, mixed>  $connection
     * @param  array<string, mixed>  $settings
     */
    #[DataProvider('published')]
    public function test_the_published_config_of_a_release_works_without_a_warning(array $connection, array $settings): void
    {
        $this->serve(['connection' => RedisServer::shared()->connection() + $connection, ...$settings]);

        $this->server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame([], preg_grep('/roster|may lose events/', $this->application->log(), PREG_GREP_INVERT));
    }

    /**
     * As the files are when no variable is set.
     *
     * @return iterable<string, array{array<string, mixed>, array<string, mixed>}>
     */
    public static function published(): iterable
    {
        $first = ['url' => null, 'host' => '127.0.0.1', 'port' => '6379', 'username' => null, 'password' => null, 'database' => '0', 'timeout' => 5];
        $second = ['url' => null, 'scheme' => 'tcp'] + $first;
        $settings = ['key_prefix' => 'wh-'.bin2hex(random_bytes(4)), 'ttl' => 90, 'flush_interval' => 1.0, 'reconcile_interval' => 30.0, 'max_attempts' => 5];

        yield '0.2.0 to 0.3.1' => [$first, $settings];
        yield '0.4.0' => [$second, ['key_prefix' => 'wh-'.bin2hex(random_bytes(4))] + $settings];
        yield 'with ignored channels' => [$second, ['key_prefix' => 'wh-'.bin2hex(random_bytes(4)), 'ignore_channel_prefixes' => ['#']] + $settings];
    }

    public function test_the_connection_of_laravels_own_config_works_with_a_warning_for_each_key_that_means_nothing_here(): void
    {
        $this->serve(['connection' => RedisServer::shared()->connection() + [
            'url' => null, 'username' => null, 'password' => null, 'port' => '6379', 'database' => '0',
            'max_retries' => 3, 'backoff_algorithm' => 'decorrelated_jitter', 'backoff_base' => 100, 'backoff_cap' => 1000,
        ]]);

        $this->server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame(
            ['max_retries', 'backoff_algorithm', 'backoff_base', 'backoff_cap'],
            array_values(preg_filter('/^WARNING: .*resonate-webhooks\.connection\.(\w+): unknown key, ignored.*$/', '$1', $this->application->log())),
        );
    }

    public function test_the_scheme_comes_from_the_environment(): void
    {
        $scheme = fn () => (require dirname(__DIR__, 2).'/php/config/resonate-webhooks.php')['connection']['scheme'];
        $this->assertSame('tcp', $scheme());

        try {
            Env::getRepository()->set('REDIS_SCHEME', 'tls');
            $this->assertSame('tls', $scheme());

            Env::getRepository()->set('RESONATE_WEBHOOKS_REDIS_SCHEME', 'unix');
            $this->assertSame('unix', $scheme());
        } finally {
            Env::getRepository()->clear('REDIS_SCHEME');
            Env::getRepository()->clear('RESONATE_WEBHOOKS_REDIS_SCHEME');
        }
    }

    public function test_channels_of_the_server_itself_make_no_event(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('#server-to-user-7')->subscribe('private-room')->whisper('private-room', 'client-a')->close();

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-a', 'channel_vacated private-room']);
    }
}
