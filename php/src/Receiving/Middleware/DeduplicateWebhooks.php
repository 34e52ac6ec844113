<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Middleware;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Symfony\Component\HttpFoundation\Response as BaseResponse;
use Webpatser\ResonateWebhooks\Receiving\Deduplicator;
use Webpatser\ResonateWebhooks\Receiving\Duplicate;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * Deduplicates webhooks by their signed ID. A webhook is handled when its response was 2xx.
 */
class DeduplicateWebhooks
{
    /**
     * Create a new middleware instance.
     */
    public function __construct(protected Deduplicator $deduplicator)
    {
        //
    }

    /**
     * Handle an incoming request.
     *
     * @param  Closure(Request): BaseResponse  $next
     */
    public function handle(Request $request, Closure $next): BaseResponse
    {
        $isSuccess = fn (BaseResponse $response) => $response->isSuccessful();

        return match ($response = $this->deduplicator->once(Webhook::of($request), fn () => $next($request), $isSuccess)) {
            Duplicate::Handled => new Response(status: Response::HTTP_NO_CONTENT),
            Duplicate::InProgress => new Response(status: Response::HTTP_CONFLICT),
            default => $response,
        };
    }
}
