<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Illuminate\Contracts\Auth\Authenticatable;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Configuration\Middleware;
use Illuminate\Support\Facades\Auth;

/**
 * Adds the parts of a new Laravel project that a web site needs: the middleware and a guard.
 */
final class WebSite
{
    /**
     * Add them, with a guard for tests.
     *
     * @param  Closure(): ?Authenticatable  $user  Who asks for a page.
     */
    public static function open(Application $laravel, Closure $user): void
    {
        $laravel['config']->set('auth', ['defaults' => ['guard' => 'web'], 'guards' => ['web' => ['driver' => 'of-the-test']]]);

        Auth::viaRequest('of-the-test', $user);

        foreach ((new Middleware)->getMiddlewareGroups() as $group => $middleware) {
            $laravel['router']->middlewareGroup($group, $middleware);
        }
    }
}
