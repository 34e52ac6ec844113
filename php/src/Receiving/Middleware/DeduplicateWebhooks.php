<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Middleware;

use Closure;
use Illuminate\Contracts\Cache\Repository;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Str;
use Symfony\Component\HttpFoundation\Response as BaseResponse;
use Throwable;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * Deduplicates webhooks by their signed ID. A webhook is handled when its response was 2xx.
 */
class DeduplicateWebhooks
{
    /**
     * The cached value of a webhook that has been handled.
     */
    protected const string HANDLED = 'handled';

    /**
     * Create a new middleware instance.
     *
     * @param  int  $dedupeFor  The seconds to remember the ID of a handled webhook; 0 disables deduplication.
     * @param  int  $lockFor  The seconds after which a webhook may be handled again if its process died.
     */
    public function __construct(
        protected Repository $cache,
        protected int $dedupeFor,
        protected int $lockFor,
    ) {
        //
    }

    /**
     * Handle an incoming request.
     *
     * @param  Closure(Request): BaseResponse  $next
     */
    public function handle(Request $request, Closure $next): BaseResponse
    {
        $webhook = Webhook::of($request);

        if ($webhook->id === null || $this->dedupeFor <= 0) {
            return $next($request);
        }

        $key = 'resonate-webhooks:'.hash('sha256', "{$webhook->appKey}\0{$webhook->id}");
        $owner = Str::random(20);

        if (! $this->cache->add($key, $owner, $this->lockFor)) {
            return match ($this->cache->get($key)) {
                self::HANDLED => new Response(status: Response::HTTP_NO_CONTENT),
                // The lock was just released, or the store keeps nothing. Handling a webhook twice is better than never.
                null => $next($request),
                default => new Response(status: Response::HTTP_CONFLICT),
            };
        }

        try {
            $response = $next($request);
        } catch (Throwable $e) {
            $this->release($key, $owner);

            throw $e;
        }

        if ($response->isSuccessful()) {
            $this->cache->put($key, self::HANDLED, $this->dedupeFor);
        } else {
            $this->release($key, $owner);
        }

        return $response;
    }

    /**
     * Release the lock, unless it has expired and another attempt has taken it.
     */
    protected function release(string $key, string $owner): void
    {
        if ($this->cache->get($key) === $owner) {
            $this->cache->forget($key);
        }
    }
}
