<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Middleware;

use Closure;
use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/**
 * Authorizes access to the dashboard and the metrics.
 */
class AuthorizeDashboard
{
    /**
     * The ability that grants access.
     */
    public const string ABILITY = 'viewResonateWebhooks';

    /**
     * Create a new middleware instance.
     */
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
        abort_unless($this->gate->check(static::ABILITY), 403);

        return $next($request);
    }
}
