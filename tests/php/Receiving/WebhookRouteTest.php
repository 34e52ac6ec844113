<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Contracts\Console\Kernel;
use Illuminate\Foundation\Configuration\Middleware;
use Illuminate\Routing\Router;
use Illuminate\Support\Facades\Route;

final class WebhookRouteTest extends ReceivingTestCase
{
    public function test_the_route_has_a_name_and_may_have_another(): void
    {
        Route::resonateWebhooks('/hooks/pusher', 'pusher-webhooks');

        Route::prefix('api')->group(fn () => Route::resonateWebhooks('/hooks', 'api-webhooks')->domain('hooks.example.com'));

        $this->assertSame('http://localhost/webhooks', route('resonate-webhooks'));
        $this->assertSame('http://localhost/hooks/pusher', route('pusher-webhooks'));
        $this->assertSame('http://hooks.example.com/api/hooks', route('api-webhooks'));
    }

    public function test_it_accepts_only_posts(): void
    {
        foreach (['GET', 'PUT', 'PATCH', 'DELETE'] as $method) {
            $this->call($method, '/webhooks')->assertMethodNotAllowed();
        }
    }

    public function test_in_a_web_site_the_route_has_no_session_cookies_or_csrf_tokens(): void
    {
        $router = $this->app->make(Router::class);

        foreach ((new Middleware)->getMiddlewareGroups() as $group => $middleware) {
            $router->middlewareGroup($group, $middleware);
        }

        Route::middleware('web')->group(fn () => Route::resonateWebhooks('/page', 'page'));
        Route::middleware('web')->post('/form', fn () => response()->noContent());

        $this->assertNotSame([], $this->post('/form')->assertNoContent()->headers->getCookies());
        $this->assertSame([], $this->webhook()->channelOccupied('room')->post('/page')->assertNoContent()->headers->getCookies());
        $this->postBody('{}', [])->assertUnauthorized();
    }

    public function test_the_routes_can_be_cached(): void
    {
        $laravel = $this->application->laravel;
        $web = "{$laravel->basePath()}/routes.php";
        file_put_contents($web, "<?php Illuminate\\Support\\Facades\\Route::resonateWebhooks('/cached', 'cached', app: ['key-1']);");
        file_put_contents($laravel->bootstrapPath('app.php'), <<<'PHP'
            <?php

            return Illuminate\Foundation\Application::configure(dirname(__DIR__))
                ->withRouting(web: dirname(__DIR__).'/routes.php')
                ->withMiddleware(fn () => null)
                ->withExceptions(fn () => null)
                ->create()
                ->dontMergeFrameworkConfiguration();
            PHP);

        $kernel = $laravel->make(Kernel::class);
        $this->assertSame(0, $kernel->call('route:cache'), $kernel->output());
        unlink($web);

        $this->app = $this->application->reboot();

        $this->assertTrue($this->app->routesAreCached());
        $this->webhook()->channelOccupied('room')->post('/cached')->assertNoContent();
        $this->call('POST', '/cached')->assertUnauthorized();
    }
}
