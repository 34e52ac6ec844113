<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Symfony\Component\HttpFoundation\Response;

/**
 * Adds security headers to the dashboard. The dashboard shows text that clients chose. If escaping failed, the policy would
 * still prevent that text from running, loading or sending anything.
 */
class SecurityHeaders
{
    /**
     * The content security policy.
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

        // The policy would block the styles of the application's own error pages.
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
