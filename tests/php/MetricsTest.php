<?php

declare(strict_types=1);

namespace Tests;

use Closure;
use Illuminate\Auth\GenericUser;
use Illuminate\Contracts\Http\Kernel;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Routing\Route;
use Illuminate\Support\Facades\Gate;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Tests\Support\WebSite;
use Webpatser\ResonateWebhooks\Http\Controllers\MetricsController;

final class MetricsTest extends PluginTestCase
{
    public function test_the_route_has_the_metrics_of_the_cluster_by_process(): void
    {
        $address = '127.0.0.1:'.FreePort::find();
        $node = $this->node(['metrics_listen' => $address, 'endpoints' => ['billing' => $this->endpoint()]]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');

        $app = $this->application(['metrics_route' => 'ops/metrics', 'metrics_middleware' => [LetsEverybodyIn::class]]);
        $delivered = '/^resonate_webhooks_endpoint_events_total\{node="[^"]+",endpoint="billing",outcome="delivered"} 1$/m';
        $response = Wait::until(function () use ($app, $delivered) {
            $response = $this->get($app, '/ops/metrics');

            return preg_match($delivered, (string) $response->getContent()) ? $response : false;
        }, 'the delivery');
        $this->assertSame(200, $response->getStatusCode());
        $this->assertSame('text/plain; version=0.0.4; charset=utf-8', $response->headers->get('Content-Type'));
        $this->assertMatchesRegularExpression('/^resonate_webhooks_nodes\{state="running"} 1$/m', (string) $response->getContent());

        $ofProcess = (string) file_get_contents("http://{$address}/metrics");
        $this->assertStringContainsString('resonate_webhooks_endpoint_events_total{endpoint="billing",outcome="delivered"} 1', $ofProcess);
        $this->assertSame([], array_diff($this->names($ofProcess), $this->names((string) $response->getContent())));

        $node->stop();
    }

    public function test_the_route_is_off_by_default(): void
    {
        foreach (['/metrics', null, ''] as $path) {
            $app = $this->application(['metrics_route' => $path]);
            $routes = array_filter($app['router']->getRoutes()->getRoutes(), fn (Route $route) => $route->getAction('controller') === MetricsController::class);

            $this->assertSame($path === '/metrics' ? ['metrics'] : [], array_values(array_map(fn (Route $route) => $route->uri(), $routes)));
            $this->assertSame($path === '/metrics', $app['router']->has('resonate-webhooks.metrics'));
        }
    }

    public function test_the_route_has_the_configured_middleware(): void
    {
        $app = $this->application(['metrics_route' => '/metrics', 'metrics_middleware' => [RefusesEverybody::class]]);

        $this->assertSame(418, $this->get($app, '/metrics')->getStatusCode());
    }

    /**
     * @param  array<string, mixed>  $config
     */
    #[TestWith([[]])]
    #[TestWith([['dashboard' => ['enabled' => false]]])]
    #[TestWith([['metrics_middleware' => null]])]
    #[TestWith([['metrics_middleware' => ['']]])]
    public function test_without_middleware_the_route_has_the_gate_of_the_dashboard(array $config): void
    {
        $app = $this->application(['metrics_route' => '/metrics', ...$config]);
        $user = null;
        WebSite::open($app, function () use (&$user) {
            return $user;
        });
        $this->assertSame(403, $this->get($app, '/metrics')->getStatusCode());

        Gate::define('viewResonateWebhooks', fn (GenericUser $user) => $user->id === 7);
        $this->assertSame(403, $this->get($app, '/metrics')->getStatusCode());
        $user = new GenericUser(['id' => 7]);
        $app['auth']->forgetGuards();
        $this->assertSame(200, $this->get($app, '/metrics')->getStatusCode());
    }

    public function test_in_the_local_environment_the_route_is_public(): void
    {
        $app = $this->application(['metrics_route' => '/metrics']);
        $app['env'] = 'local';
        WebSite::open($app, fn () => null);

        $this->assertSame(200, $this->get($app, '/metrics')->getStatusCode());
    }

    public function test_a_failed_scrape_reveals_no_address_and_no_setting(): void
    {
        $failures = [
            'Redis is unavailable.' => ['connection' => ['host' => '127.0.0.1', 'port' => FreePort::find(), 'password' => 'hunter2']],
            'The config is invalid.' => ['ttl' => 'hunter2'],
        ];

        foreach ($failures as $sentence => $config) {
            $response = $this->get($this->application(['metrics_route' => '/metrics', 'metrics_middleware' => [LetsEverybodyIn::class]] + $config), '/metrics');
            $this->assertSame(503, $response->getStatusCode());
            $this->assertSame("{$sentence} Run \"php artisan resonate-webhooks:check\" for details.\n", $response->getContent());
            $this->assertSame('text/plain; version=0.0.4; charset=utf-8', $response->headers->get('Content-Type'));
        }
    }

    public function test_without_the_extension_the_response_is_a_503_with_the_reason(): void
    {
        [$line] = Process::plainPhp('metrics-without-extension.php', 'metrics without the extension')->rest();

        $this->assertSame([503, "The PHP extension resonate_webhooks is not loaded in the cli SAPI. Run \"php artisan resonate-webhooks:check\" for details.\n"], json_decode($line, true, flags: JSON_THROW_ON_ERROR));
    }

    /**
     * Create an application, by default with the Redis of the nodes.
     *
     * @param  array<string, mixed>  $config
     */
    private function application(array $config): Application
    {
        $this->application?->remove($this);
        $this->application = new TestApplication($this->config($config));

        return $this->application->laravel;
    }

    private function get(Application $app, string $path): Response
    {
        $response = $app->make(Kernel::class)->handle(Request::create($path));
        $this->assertInstanceOf(Response::class, $response);

        return $response;
    }

    /**
     * Parse the metrics.
     *
     * @return list<string>
     */
    private function names(string $text): array
    {
        preg_match_all('/^# TYPE (\S+)/m', $text, $matches);

        return $matches[1];
    }
}

/**
 * A middleware that rejects every request.
 */
final class RefusesEverybody
{
    public function handle(): Response
    {
        return new Response(status: 418);
    }
}

/**
 * A middleware that accepts every request.
 */
final class LetsEverybodyIn
{
    public function handle(Request $request, Closure $next): mixed
    {
        return $next($request);
    }
}
