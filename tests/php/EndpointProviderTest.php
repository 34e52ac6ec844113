<?php

declare(strict_types=1);

namespace Tests;

use Closure;
use PHPUnit\Framework\Attributes\DataProvider;
use RuntimeException;
use Tests\Support\FakeServer;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Native\Cluster;
use Webpatser\ResonateWebhooks\ProvidedEndpoints;

/**
 * Endpoints of a provider, which change while the server runs.
 */
final class EndpointProviderTest extends PluginTestCase
{
    /**
     * The current endpoints of the provider.
     *
     * @var array<array-key, array<string, mixed>>|RuntimeException
     */
    private array|RuntimeException $known = [];

    /**
     * The exception of the provider's constructor.
     */
    private ?RuntimeException $unmade = null;

    public function test_the_endpoints_of_a_provider_replace_those_of_the_config(): void
    {
        $this->known = ['one' => $this->endpoint('/one')];
        $server = $this->provide();

        $server->connect()->subscribe('a')->close();
        $this->assertEvents(['channel_occupied a', 'channel_vacated a'], '/one');
        $this->assertSame([], $this->events());
    }

    public function test_endpoints_are_added_moved_and_removed_while_the_server_runs(): void
    {
        $server = $this->provide();

        $this->known = ['one' => $this->endpoint('/one')];
        $this->awaitChange($server, '/one');
        $this->known = ['one' => $this->endpoint('/moved')];
        $this->awaitChange($server, '/moved');
        $this->known = ['two' => $this->endpoint('/two')];
        $this->awaitChange($server, '/two');

        $before = [count($this->events('/one')), count($this->events('/moved'))];
        $server->connect()->subscribe('last')->close();
        $this->awaitEvent('channel_vacated last', '/two');
        $this->assertSame($before, [count($this->events('/one')), count($this->events('/moved'))]);
    }

    public function test_a_numeric_key_stays_the_same_endpoint_when_its_url_changes(): void
    {
        $this->known = [7 => $this->endpoint('/one'), 12 => $this->endpoint('/other')];
        $server = $this->provide();
        $this->known[7] = $this->endpoint('/moved');
        $this->awaitChange($server, '/moved');

        $cluster = new Cluster($this->config());
        $ids = fn () => array_column($cluster->status()['endpoints'], 'id');
        Wait::until(fn () => count($ids()) === 2, 'the status');
        $this->assertEqualsCanonicalizing(['7', '12'], $ids());
    }

    public function test_two_endpoints_with_one_key_are_refused(): void
    {
        $this->known = ['one' => $this->endpoint('/one')];
        $this->provide(['deny_private_networks' => false], twice: true);

        $this->assertNotEmpty(preg_grep('/webhooks have not started: .*endpoints\.one: the provider returns two endpoints/', $this->application->log()));
    }

    public function test_private_addresses_are_denied_unless_the_endpoint_allows_them(): void
    {
        $this->known = ['denied' => $this->endpoint('/denied'), 'allowed' => ['deny_private_networks' => false] + $this->endpoint('/allowed')];
        $server = $this->provide(['deny_private_networks' => null, 'max_attempts' => 1]);

        $server->connect()->subscribe('a')->close();
        $this->assertEvents(['channel_occupied a', 'channel_vacated a'], '/allowed');
        $this->awaitLine('/deny_private_networks/');
        $this->assertSame([], $this->events('/denied'));
    }

    public function test_an_invalid_list_changes_nothing_and_is_logged_once(): void
    {
        $this->known = ['one' => $this->endpoint('/one')];
        $server = $this->provide();

        $this->known = ['one' => $this->endpoint('/one'), 'two' => ['url' => 'ftp://example.com']];
        $this->awaitLine('/stay as they are: resonate-webhooks\.endpoints\.two\.url: "ftp:/');
        $this->known = new RuntimeException('The database is away.');
        $this->awaitLine('/stay as they are: The database is away\./');

        $server->connect()->subscribe('a')->close();
        $this->assertEvents(['channel_occupied a', 'channel_vacated a'], '/one');
        $this->assertCount(2, preg_grep('/stay as they are/', $this->application->log()));

        $this->known = ['one' => $this->endpoint('/one'), 'two' => $this->endpoint('/two')];
        $this->awaitChange($server, '/two');
    }

    public function test_a_provider_that_fails_at_the_start_is_retried_and_existing_connections_are_found(): void
    {
        $this->known = new RuntimeException('The database is away');
        // Neither the refresh nor the regular sweep runs during the test.
        $server = $this->provide(['endpoints_refresh' => 0, 'reconcile_interval' => 3600]);
        $stays = $server->connect()->join('presence-room', 7);
        $server->connect()->join('presence-left', 8)->close();

        $this->awaitLine('/^ERROR: Resonate webhooks have not started: The database is away\. .*; attempt 2, the next one is in 2 s/');
        $this->known = ['one' => $this->endpoint('/one')];
        $this->awaitEvent('member_added presence-room 7', '/one');
        $stays->close();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ], '/one');
        $this->assertCount(1, preg_grep('/^NOTICE: Resonate webhooks have started, at attempt 3$/', $this->application->log()));
        $this->assertCount(2, preg_grep('/have not started/', $this->application->log()));
    }

    public function test_a_connection_of_an_unlisted_application_is_found_too(): void
    {
        $this->known = new RuntimeException('The database is away');
        $server = $this->provide();
        $server->connect()->subscribe('a');

        // The provider of the applications still fails when the endpoints are available again.
        config(['reverb.apps.apps' => []]);
        $this->application->laravel->forgetInstance('Webpatser\\Resonate\\ApplicationManager');
        $this->known = ['one' => $this->endpoint('/one')];

        $this->awaitEvent('channel_occupied a', '/one');
    }

    #[DataProvider('passingReasons')]
    public function test_temporary_failures_are_retried(Closure $known, string $line): void
    {
        $this->known = $known($this);
        $server = $this->provide();
        $server->connect()->subscribe('a');
        $this->awaitLine($line);

        $this->known = ['one' => $this->endpoint('/one')];
        $this->awaitEvent('channel_occupied a', '/one');
    }

    /**
     * @return iterable<string, array{Closure, string}>
     */
    public static function passingReasons(): iterable
    {
        yield 'a list with an error' => [
            fn () => ['one' => ['url' => 'ftp://example.com']],
            '/have not started: resonate-webhooks\.endpoints\.one\.url: "ftp:/',
        ];
        yield 'a provider that cannot be created' => [
            fn (self $test) => $test->unmade = new RuntimeException('No connection could be made'),
            '/have not started: No connection could be made/',
        ];
    }

    public function test_an_error_outside_of_the_endpoints_keeps_webhooks_off_until_a_restart(): void
    {
        $asked = 0;
        $this->provide(['queue_size' => 1], function () use (&$asked) {
            $asked++;
        });

        $this->assertSame(0, $asked);
        $this->assertCount(1, preg_grep('/webhooks are off: resonate-webhooks\.queue_size: /', $this->application->log()));
        $this->assertSame([], $this->application->laravel->make(PluginManager::class)->ticks());
    }

    public function test_a_dump_of_the_provided_endpoints_shows_no_secret(): void
    {
        $this->application = new TestApplication($this->config());
        $provider = $this->createStub(EndpointProvider::class);
        $provider->method('endpoints')->willReturn([]);
        $this->application->laravel->instance(EndpointProvider::class, $provider);
        $provided = new ProvidedEndpoints(['previous_secrets' => ['1' => ['hidden']]]);

        $this->assertStringNotContainsString('hidden', print_r($provided, true));
        $provided->config();
        $this->assertStringContainsString($provider::class, $dump = print_r($provided, true));
        $this->assertStringNotContainsString('hidden', $dump);
    }

    public function test_a_provider_is_called_once_without_a_refresh_interval(): void
    {
        $this->known = ['one' => $this->endpoint('/one')];
        $asked = 0;
        $server = $this->provide(['endpoints_refresh' => 0], function () use (&$asked) {
            $asked++;
        });

        $server->connect()->subscribe('a')->close();
        $this->assertEvents(['channel_occupied a', 'channel_vacated a'], '/one');
        $this->assertSame(1, $asked);
    }

    /**
     * Boot a server with these endpoints.
     *
     * @param  array<string, mixed>  $changes  To the config.
     */
    private function provide(array $changes = [], ?Closure $asked = null, bool $twice = false): FakeServer
    {
        $this->application = new TestApplication($this->config(['endpoints_refresh' => 0.05, 'deny_private_networks' => false, ...$changes]));

        $ask = function () use ($asked, $twice): iterable {
            $asked?->__invoke();

            yield from $this->known instanceof RuntimeException ? throw $this->known : $this->known;

            if ($twice) {
                yield from $this->known;
            }
        };

        $this->application->laravel->bind(EndpointProvider::class, fn () => $this->known === $this->unmade ? throw $this->unmade : new class ($ask) implements EndpointProvider
        {
            public function __construct(private Closure $ask) {}

            public function endpoints(): iterable
            {
                return ($this->ask)();
            }
        });

        return $this->server = new FakeServer($this->application->laravel);
    }

    /**
     * Wait until events arrive on a path.
     */
    private function awaitChange(FakeServer $server, string $prefix): void
    {
        $before = count(Receiver::shared()->requests($this->path($prefix)));

        Wait::until(function () use ($server, $prefix, $before) {
            $server->connect()->subscribe('news')->close();

            return count(Receiver::shared()->requests($this->path($prefix))) > $before;
        }, "news at {$prefix}");
    }

    /**
     * Wait for a line in the log.
     */
    private function awaitLine(string $pattern): void
    {
        Wait::until(fn () => preg_grep($pattern, $this->application->log()) !== [], "a line like {$pattern}");
    }
}
