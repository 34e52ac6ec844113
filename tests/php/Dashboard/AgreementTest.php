<?php

declare(strict_types=1);

namespace Tests\Dashboard;

use Closure;
use Illuminate\Contracts\Console\Kernel;
use RuntimeException;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Native\Cluster;

/**
 * Commands, the dashboard and the metrics have the same endpoints, from every source.
 */
final class AgreementTest extends DashboardTestCase
{
    public function test_a_machine_without_endpoints_shows_those_of_the_servers(): void
    {
        $node = $this->serveTenant();
        $this->open(['endpoints' => [], 'metrics_route' => '/metrics']);

        $this->assertSame(['tenant-7' => 'ok'], $this->endpointsOfStatus());
        $this->assertMatchesRegularExpression('/Endpoints +1 *$/m', $this->artisan('about', ['--only' => 'resonate_webhooks'])[1]);
        $this->assertSame('ok', $this->check()['Endpoints']['level']);
        $this->assertStringContainsString('Tenant 7', $this->text($this->get(self::PAGE)->assertOk()->getContent()));
        $this->assertStringContainsString('endpoint="tenant-7"', $this->get('/metrics')->assertOk()->getContent());

        [$code, $output] = $this->artisan('resonate-webhooks:test', ['endpoint' => 'Tenant 7']);
        $this->assertSame(1, $code);
        $this->assertStringContainsString('Servers report [Tenant 7], but this application does not configure it', $output);
        $node->stop();
    }

    public function test_an_endpoint_that_only_servers_report_is_paused_and_resumed_by_id_name_and_url(): void
    {
        $node = $this->serveTenant();
        $this->open(['endpoints' => []]);
        $cluster = new Cluster($this->config());

        foreach (['tenant-7', 'Tenant 7', Receiver::shared()->url($this->path())] as $name) {
            $this->assertSame(0, $this->artisan('resonate-webhooks:pause', ['endpoint' => $name])[0]);
            $this->assertSame(['tenant-7'], array_keys($cluster->paused()), $name);
            $this->assertSame(['tenant-7' => 'paused'], $this->endpointsOfStatus());
            $this->assertSame(0, $this->artisan('resonate-webhooks:resume', ['endpoint' => $name])[0]);
            $this->assertSame([], $cluster->paused(), $name);
        }

        foreach (['', 'Tenant', '7', ' (', 'tenant-77'] as $name) {
            $this->assertSame(1, $this->artisan('resonate-webhooks:pause', ['endpoint' => $name])[0], "[{$name}]");
        }

        $node->stop();
    }

    public function test_endpoints_of_a_provider_are_shown_before_a_server_runs(): void
    {
        $this->open(['endpoints' => ['of-the-config' => $this->endpoint('/config')]]);
        $this->provide(fn (): iterable => ['tenant-7' => $this->endpoint(more: ['name' => 'Tenant 7', 'deny_private_networks' => false])]);

        $this->assertSame(['tenant-7' => 'unreported'], $this->endpointsOfStatus());
        $this->assertMatchesRegularExpression('/Endpoints +1 *$/m', $this->artisan('about', ['--only' => 'resonate_webhooks'])[1]);
        $this->assertSame('ok', $this->check()['Endpoints']['level']);
        $this->assertStringContainsString('Tenant 7', $this->text($this->get(self::PAGE)->assertOk()->getContent()));
        $this->assertSame(0, $this->artisan('resonate-webhooks:test', ['endpoint' => 'Tenant 7'])[0]);
        $this->assertSame(['test resonate-webhooks-test'], $this->events());
        $this->assertSame(0, $this->artisan('resonate-webhooks:pause', ['endpoint' => 'Tenant 7'])[0]);
        $this->assertSame(['tenant-7'], array_keys((new Cluster($this->config()))->paused()));
    }

    public function test_no_endpoints_at_all_are_a_warning(): void
    {
        $this->open(['endpoints' => []]);
        $this->assertSame('warning', $this->check()['Endpoints']['level']);

        $this->provide(fn (): iterable => []);
        $this->assertSame('warning', $this->check()['Endpoints']['level']);
    }

    public function test_a_provider_that_fails_is_named_and_does_not_prevent_a_pause(): void
    {
        $node = $this->serveTenant();
        $this->open(['endpoints' => []]);

        foreach (['The database is away' => fn () => throw new RuntimeException('The database is away'),
            'resonate-webhooks.endpoints.0.url' => fn (): iterable => [['url' => 'ftp://example.com']]] as $why => $provide) {
            $this->provide($provide);

            $endpoints = $this->check(1)['Endpoints'];
            $this->assertSame('error', $endpoints['level']);
            $this->assertStringContainsString("the EndpointProvider of this application failed: {$why}", $endpoints['message']);
            $this->assertSame(['tenant-7' => 'ok'], $this->endpointsOfStatus());
            $this->get(self::PAGE)->assertOk();
            $this->assertSame(0, $this->artisan('resonate-webhooks:pause', ['endpoint' => 'Tenant 7'])[0]);
            $this->assertSame(0, $this->artisan('resonate-webhooks:resume', ['endpoint' => 'Tenant 7'])[0]);
            Wait::until(fn () => $this->endpointsOfStatus() === ['tenant-7' => 'ok'], 'the server to apply it');

            [$code, $output] = $this->artisan('resonate-webhooks:test', ['--json' => true]);
            $this->assertSame(1, $code);
            $this->assertStringContainsString($why, json_decode($output, true, flags: JSON_THROW_ON_ERROR)['error']);
        }

        $node->stop();
    }

    /**
     * Start a server with an endpoint, and wait until it has reported.
     */
    private function serveTenant(): Node
    {
        $endpoints = ['tenant-7' => $this->endpoint(more: ['name' => 'Tenant 7'])];
        $node = $this->node(['endpoints' => $endpoints]);
        $cluster = new Cluster($this->config());
        Wait::until(fn () => $cluster->status()['endpoints'] !== [], 'the report of the server');

        return $node;
    }

    /**
     * Bind an EndpointProvider.
     *
     * @param  Closure(): iterable<array-key, array<string, mixed>>  $endpoints
     */
    private function provide(Closure $endpoints): void
    {
        $this->app->instance(EndpointProvider::class, new class ($endpoints) implements EndpointProvider
        {
            public function __construct(private Closure $endpoints) {}

            public function endpoints(): iterable
            {
                return ($this->endpoints)();
            }
        });
    }

    /**
     * Run a command as a new process would.
     *
     * @param  array<string, mixed>  $arguments
     * @return array{int, string}
     */
    private function artisan(string $command, array $arguments = []): array
    {
        $this->app->forgetScopedInstances();
        $kernel = $this->app->make(Kernel::class);
        $code = $kernel->call($command, [...$arguments, '--no-interaction' => true]);

        return [$code, (string) preg_replace('/ ?\.{2,} ?/', ' ', $kernel->output())];
    }

    /**
     * Get the states of the endpoints by ID, as `status` shows them in JSON and in text.
     *
     * @return array<string, string>
     */
    private function endpointsOfStatus(): array
    {
        $endpoints = json_decode($this->artisan('resonate-webhooks:status', ['--json' => true])[1], true, flags: JSON_THROW_ON_ERROR)['endpoints'];
        $output = $this->artisan('resonate-webhooks:status')[1];

        foreach ($endpoints as $endpoint) {
            $this->assertStringContainsString("{$endpoint['label']} {$endpoint['id']}", $output);
        }

        return array_column($endpoints, 'state', 'id');
    }

    /**
     * Get the findings of `check` by subject.
     *
     * @return array<string, array<string, mixed>>
     */
    private function check(int $code = 0): array
    {
        [$exit, $output] = $this->artisan('resonate-webhooks:check', ['--json' => true]);
        $this->assertSame($code, $exit, $output);

        return array_column(json_decode($output, true, flags: JSON_THROW_ON_ERROR), null, 'subject');
    }
}
