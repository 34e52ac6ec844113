<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Middleware;

use Closure;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Log;
use Symfony\Component\HttpFoundation\Response as BaseResponse;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookRejected;
use Webpatser\ResonateWebhooks\Receiving\Rejection;
use Webpatser\ResonateWebhooks\Receiving\Verifier;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * Lets webhooks pass that are signed by one of the applications, and nothing else.
 */
class VerifyWebhookSignature
{
    /**
     * Create a new middleware instance.
     */
    public function __construct(protected Verifier $verifier, protected Dispatcher $events)
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
        $webhook = $this->verifier->verify($request);

        if ($webhook instanceof Rejection) {
            $this->reject($request, $webhook);

            return new Response(status: $webhook->status());
        }

        $request->attributes->set(Webhook::class, $webhook);

        return $next($request);
    }

    /**
     * Say why on this side only.
     */
    protected function reject(Request $request, Rejection $reason): void
    {
        $key = $request->header('X-Pusher-Key');

        if ($reason === Rejection::Stale) {
            // A genuine one: the sender's retries outlast the tolerance, and its events are lost here unless somebody notices.
            Log::warning("Resonate webhooks: a webhook of {$key} is refused as too old", [
                'webhook-id' => $request->header('webhook-id'),
                'webhook-timestamp' => $request->header('webhook-timestamp'),
            ]);
        }

        $this->events->dispatch(new WebhookRejected($reason, $key, $request->ip()));
    }
}
