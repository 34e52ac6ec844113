<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Tests\Support\FreePort;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

final class MetricsTest extends PluginTestCase
{
    public function test_the_route_tells_of_the_cluster_in_the_names_of_its_processes(): void
    {
        $address = '127.0.0.1:'.FreePort::find();
        $node = $this->node(['metrics_listen' => $address, 'endpoints' => ['billing' => $this->endpoint()]]);
        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');

        $app = $this->application(['metrics_route' => 'ops/metrics']);
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

    public function test_there_is_no_route_unless_it_is_asked_for(): void
    {
        foreach ([[], ['metrics_route' => null], ['metrics_route' => '']] as $config) {
            $app = $this->application($config);
            $this->assertFalse($app['router']->has('resonate-webhooks.metrics'));
            $this->application?->remove($this);
            $this->application = null;
        }
    }

    public function test_the_route_has_the_middleware_that_it_is_given(): void
    {
        $app = $this->application(['metrics_route' => '/metrics', 'metrics_middleware' => [RefusesEverybody::class]]);

        $this->assertSame(403, $this->get($app, '/metrics')->getStatusCode());
    }

    public function test_without_redis_the_scrape_fails_and_shows_no_password(): void
    {
        $app = $this->application([
            'metrics_route' => '/metrics',
            'connection' => ['host' => '127.0.0.1', 'port' => FreePort::find(), 'password' => 'hunter2'],
        ]);

        $response = $this->get($app, '/metrics');
        $this->assertSame(503, $response->getStatusCode());
        $this->assertStringContainsString('Redis at 127.0.0.1', (string) $response->getContent());
        $this->assertStringNotContainsString('hunter2', (string) $response->getContent());
    }

    /**
     * An application on the Redis of the nodes, unless it says otherwise.
     *
     * @param  array<string, mixed>  $config
     */
    private function application(array $config): Application
    {
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
     * The metrics of a text.
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
 * A middleware that lets nobody in.
 */
final class RefusesEverybody
{
    public function handle(): Response
    {
        return new Response(status: 403);
    }
}
