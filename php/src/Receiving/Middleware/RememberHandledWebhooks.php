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
 * Handles a webhook once, however often it is sent again; one that was not handled to the end does not count.
 */
class RememberHandledWebhooks
{
    /**
     * What is noted of a webhook that has been handled.
     */
    protected const string HANDLED = 'handled';

    /**
     * Create a new middleware instance.
     *
     * @param  int  $remember  For how many seconds a webhook is remembered, 0 for not at all.
     * @param  int  $lease  For how many seconds the process that handles a webhook may have died without anybody noticing.
     */
    public function __construct(
        protected Repository $cache,
        protected int $remember,
        protected int $lease,
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

        if ($webhook->id === null || $this->remember <= 0) {
            return $next($request);
        }

        $note = 'resonate-webhooks:'.hash('sha256', "{$webhook->appKey}\0{$webhook->id}");
        $mine = Str::random(20);

        if (! $this->cache->add($note, $mine, $this->lease)) {
            return match ($this->cache->get($note)) {
                self::HANDLED => new Response(status: Response::HTTP_NO_CONTENT),
                // Released a moment ago, or the store keeps nothing at all: rather twice than never.
                null => $next($request),
                default => new Response(status: Response::HTTP_CONFLICT),
            };
        }

        try {
            $response = $next($request);
        } catch (Throwable $e) {
            $this->forget($note, $mine);

            throw $e;
        }

        if ($response->isSuccessful()) {
            $this->cache->put($note, self::HANDLED, $this->remember);
        } else {
            $this->forget($note, $mine);
        }

        return $response;
    }

    /**
     * Let the next attempt have its chance, unless it has taken it already: the lease may have run out meanwhile.
     */
    protected function forget(string $note, string $mine): void
    {
        if ($this->cache->get($note) === $mine) {
            $this->cache->forget($note);
        }
    }
}
