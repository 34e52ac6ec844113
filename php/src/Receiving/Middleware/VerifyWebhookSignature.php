<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Middleware;

use Closure;
use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Log;
use Symfony\Component\HttpFoundation\Response as BaseResponse;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookRejected;
use Webpatser\ResonateWebhooks\Receiving\Rejection;
use Webpatser\ResonateWebhooks\Receiving\Verifier;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * Verifies that requests are webhooks signed by one of the applications.
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
     * Get the middleware for a route that accepts the webhooks of these applications only.
     *
     * @param  string|int|null  ...$apps  The keys of the applications, or their IDs in `config/reverb.php`.
     */
    public static function only(string|int|null ...$apps): string
    {
        // Laravel separates middleware parameters with commas.
        return static::class.':'.implode(',', array_map(rawurlencode(...), array_map(strval(...), $apps)));
    }

    /**
     * Handle an incoming request.
     *
     * @param  Closure(Request): BaseResponse  $next
     *
     * @throws InvalidConfig
     */
    public function handle(Request $request, Closure $next, string ...$apps): BaseResponse
    {
        if ($apps !== [] && implode('', $apps) === '') {
            throw new InvalidConfig("The route [{$request->path()}] has an empty `app`. Omit `app`, or set it to '*', to accept the webhooks of all applications.");
        }

        $webhook = $this->verifier->verify($request, array_map(rawurldecode(...), $apps) ?: ['*']);

        if ($webhook instanceof Rejection) {
            $this->reject($request, $webhook);

            return new Response(status: $webhook->status());
        }

        $request->attributes->set(Webhook::class, $webhook);

        return $next($request);
    }

    /**
     * Report the reason, which is not sent to the sender.
     */
    protected function reject(Request $request, Rejection $reason): void
    {
        $key = $request->header('X-Pusher-Key');
        $remedy = $reason->remedy((string) $key);

        if ($remedy !== null) {
            Log::warning("Resonate webhooks: refused a genuine webhook of {$key}: {$reason->value}. {$remedy}", [
                'path' => $request->path(),
                'webhook-id' => $request->header('webhook-id'),
                'webhook-timestamp' => $request->header('webhook-timestamp'),
            ]);
        }

        $this->events->dispatch(new WebhookRejected($reason, $key, $request->ip()));
    }
}
