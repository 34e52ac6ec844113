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
 * Deduplicates webhooks by their signed id. One that was not answered with a 2xx does not count as handled.
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
     * @param  int  $dedupeFor  Seconds for which the id of a handled webhook is kept, 0 to deduplicate nothing.
     * @param  int  $lockFor  Seconds after which a webhook whose process died may be handled again.
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
                // Released a moment ago, or the store keeps nothing at all: rather twice than never.
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
     * Release the lock, unless it expired meanwhile and another attempt took it.
     */
    protected function release(string $key, string $owner): void
    {
        if ($this->cache->get($key) === $owner) {
            $this->cache->forget($key);
        }
    }
}
