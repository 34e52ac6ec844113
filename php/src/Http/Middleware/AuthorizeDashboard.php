<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Middleware;

use Closure;
use Illuminate\Contracts\Auth\Access\Gate;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/**
 * Lets in whom the gate lets in.
 */
class AuthorizeDashboard
{
    /**
     * The ability that grants access.
     */
    public const string ABILITY = 'viewResonateWebhooks';

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
