<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Dashboard\Middleware;

use Closure;
use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;
use Webpatser\ResonateWebhooks\Dashboard\DashboardServiceProvider;

/**
 * Lets in whom the gate lets in.
 */
class AuthorizeDashboard
{
    public function __construct(protected Gate $gate)
    {
        //
    }

    /**
     * Handle an incoming request.
     *
     * @param  Closure(Request): Response  $next
     */
    public function handle(Request $request, Closure $next): Response
    {
        abort_unless($this->gate->check(DashboardServiceProvider::ABILITY), 403);

        return $next($request);
    }
}
