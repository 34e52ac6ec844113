<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Env;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\PublishedConfig;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * A config that was published from a release of webpatser/resonate-webhooks works unchanged.
 */
final class DropInTest extends PluginTestCase
{
    /**
     * @param  array<string, string>  $variables
     * @param  list<string>  $warned  The keys that the log warns about.
     */
    #[DataProvider('environments')]
    public function test_the_published_config_of_a_release_delivers_in_every_environment(string $release, array $variables, array $warned): void
    {
        $published = PublishedConfig::with(
            ['RESONATE_WEBHOOK_URL' => $this->endpoint()['url'], ...$variables],
            fn () => PublishedConfig::of($release),
        );

        // The Redis of the tests, and a quick shutdown.
        $this->serve([...$published, 'connection' => RedisServer::shared()->connection() + $published['connection'], 'key_prefix' => $this->config()['key_prefix']]);
        $this->server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $warnings = $this->awaitLines(count($warned));
        $this->assertEqualsCanonicalizing($warned, array_values(preg_replace('/^WARNING: .*?resonate-webhooks\.(\w+): .*$/', '$1', $warnings)));
    }

    /**
     * @return iterable<string, array{string, array<string, string>, list<string>}>
     */
    public static function environments(): iterable
    {
        // The Redis of the tests has no users, and its address is set by host and port.
        $settings = array_filter(PublishedConfig::VARIABLES, fn (string $variable) => preg_match('/(URL|USERNAME|PASSWORD)$/', $variable) !== 1, ARRAY_FILTER_USE_KEY);

        foreach (PublishedConfig::RELEASES as $release) {
            yield "{$release}, nothing set" => [$release, [], []];
            yield "{$release}, everything set" => [$release, $settings, []];
            // A cast turns an empty variable into 0.
            yield "{$release}, everything empty" => [$release, array_fill_keys(array_keys($settings), ''), ['max_attempts', 'ttl', 'flush_interval', 'reconcile_interval']];
        }
    }

    /**
     * @param  array<string, string>  $variables
     */
    #[DataProvider('singleVariables')]
    public function test_each_variable_may_be_set_or_empty_alone(string $release, array $variables, ?string $warned): void
    {
        $cluster = new Cluster(PublishedConfig::with($variables, fn () => PublishedConfig::of($release)));

        $this->assertEqualsCanonicalizing(
            array_values(array_filter([$warned, isset($variables['RESONATE_WEBHOOK_URL']) && $variables['RESONATE_WEBHOOK_URL'] !== '' ? null : 'endpoints.0.url'])),
            array_map(fn (string $warning) => preg_replace('/^resonate-webhooks\.([\w.]+\w).*$/s', '$1', $warning), $cluster->warnings()),
        );
    }

    /**
     * @return iterable<string, array{string, array<string, string>, string|null}>
     */
    public static function singleVariables(): iterable
    {
        $cast = ['RESONATE_WEBHOOKS_TTL' => 'ttl', 'RESONATE_WEBHOOKS_FLUSH' => 'flush_interval', 'RESONATE_WEBHOOKS_RECONCILE' => 'reconcile_interval', 'RESONATE_WEBHOOKS_MAX_ATTEMPTS' => 'max_attempts'];

        foreach (PublishedConfig::RELEASES as $release) {
            foreach (PublishedConfig::VARIABLES as $variable => $value) {
                yield "{$release}, {$variable} set" => [$release, [$variable => $value], null];
                yield "{$release}, {$variable} empty" => [$release, [$variable => ''], $cast[$variable] ?? null];
            }
        }
    }

    public function test_an_empty_variable_counts_as_unset_in_the_config_file_of_this_package(): void
    {
        $default = new Engine(PublishedConfig::ours());

        foreach (PublishedConfig::ourVariables() as $variable) {
            foreach (['', 'null', 'empty'] as $nothing) {
                $config = PublishedConfig::with([$variable => $nothing], PublishedConfig::ours(...));

                $this->assertSame([], (new Cluster($config))->warnings(), "{$variable}={$nothing}");
                $this->assertSame($default->seconds(), (new Engine($config))->seconds(), "{$variable}={$nothing}");
            }
        }

        $empty = PublishedConfig::with(array_fill_keys(PublishedConfig::ourVariables(), ''), PublishedConfig::ours(...));
        $this->assertSame([], (new Cluster($empty))->warnings());
    }

    public function test_text_that_is_not_a_number_is_refused_by_its_key_and_not_truncated(): void
    {
        foreach (['RESONATE_WEBHOOKS_TTL' => 'ttl', 'RESONATE_WEBHOOKS_MAX_ATTEMPTS' => 'max_attempts', 'RESONATE_WEBHOOKS_QUEUE_SIZE' => 'queue_size'] as $variable => $key) {
            $config = PublishedConfig::with([$variable => '90s'], PublishedConfig::ours(...));

            try {
                new Engine($config);
                $this->fail("{$variable}=90s was taken");
            } catch (InvalidConfig $e) {
                $this->assertSame("resonate-webhooks.{$key}: \"90s\" is not a number", $e->getMessage());
            }
        }
    }

    #[DataProvider('oddities')]
    public function test_values_that_the_replaced_package_accepted_start_with_one_warning(array $config, string $key): void
    {
        $server = $this->serve($config);
        $server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $warnings = $this->awaitLines(1);
        $this->assertCount(1, $warnings, implode("\n", $warnings));
        $this->assertStringContainsString("resonate-webhooks.{$key}", $warnings[0]);
    }

    /**
     * @return iterable<string, array{array<string, mixed>, string}>
     */
    public static function oddities(): iterable
    {
        yield 'no interval between flushes' => [['flush_interval' => 0], 'flush_interval: 0 is out of range'];
        yield 'no attempts' => [['max_attempts' => 0], 'max_attempts: 0 is out of range'];
        yield 'an unknown key' => [['notes' => 'mine'], 'notes: unknown key, ignored'];
    }

    public function test_an_endpoint_with_unknown_keys_and_events_receives_the_known_events(): void
    {
        $this->serve(['max_attempts' => 500, 'endpoints' => [$this->endpoint(more: ['description' => 'mine', 'events' => ['channel_occupied', '*']])]]);
        $this->server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame(
            ['0.description: unknown key', '0.events.1: unknown event "*"'],
            array_values(preg_filter('/^WARNING: .*resonate-webhooks\.endpoints\.(.*?), ignored.*$/', '$1', $this->awaitLines(2))),
        );
    }

    public function test_a_connection_of_laravels_config_works_with_a_warning_for_each_unsupported_key(): void
    {
        $this->serve(['connection' => RedisServer::shared()->connection() + [
            'url' => null, 'username' => null, 'password' => null, 'port' => '6379', 'database' => '0',
            'max_retries' => 3, 'backoff_algorithm' => 'decorrelated_jitter', 'backoff_base' => 100, 'backoff_cap' => 1000,
        ]]);

        $this->server->connect()->subscribe('private-room');

        $this->awaitEvent('channel_occupied private-room');
        $this->assertSame(
            ['max_retries', 'backoff_algorithm', 'backoff_base', 'backoff_cap'],
            array_values(preg_filter('/^WARNING: .*resonate-webhooks\.connection\.(\w+) has no effect here: .*$/', '$1', $this->awaitLines(4))),
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

    public function test_internal_channels_of_the_server_send_no_events(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('#server-to-user-7')->subscribe('private-room')->whisper('private-room', 'client-a')->close();

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-a', 'channel_vacated private-room']);
    }

    /**
     * Wait until the log has so many lines about the config. The server logs them one by one, and an event may be faster.
     *
     * @return list<string>
     */
    private function awaitLines(int $count): array
    {
        $lines = fn () => array_values(preg_grep('/the roster plugin|may lose events/', $this->application->log(), PREG_GREP_INVERT));
        Wait::until(fn () => count($lines()) >= $count, "{$count} lines");

        return $lines();
    }
}
