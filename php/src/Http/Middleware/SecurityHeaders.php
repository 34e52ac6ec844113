<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/**
 * Tells browsers that the page needs nothing but itself. Much of what it shows was written by strangers: should any of it
 * ever get past the escaping, it still could not run, load or send anything.
 */
class SecurityHeaders
{
    /**
     * What the page may do.
     */
    protected const string POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        ."form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /**
     * Handle an incoming request.
     *
     * @param  Closure(Request): Response  $next
     */
    public function handle(Request $request, Closure $next): Response
    {
        $response = $next($request);

        // The application's own page for an error has styles that such a policy would not let in.
        if (isset($response->exception)) {
            return $response;
        }

        $response->headers->add([
            'Content-Security-Policy' => static::POLICY,
            'Referrer-Policy' => 'same-origin',
            'X-Content-Type-Options' => 'nosniff',
            'X-Frame-Options' => 'DENY',
        ]);

        if (! $response->headers->hasCacheControlDirective('immutable')) {
            $response->headers->set('Cache-Control', 'no-store, private');
        }

        return $response;
    }
}
