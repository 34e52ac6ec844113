<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Closure;
use Illuminate\Contracts\Cache\Repository;
use Illuminate\Support\Str;
use Throwable;

/**
 * Handles each webhook once, by its ID, however it arrives.
 */
class Deduplicator
{
    /**
     * The cached value of a webhook that has been handled.
     */
    protected const string HANDLED = 'handled';

    /**
     * Create a new instance.
     *
     * @param  int  $dedupeFor  The seconds to remember the ID of a handled webhook; 0 disables deduplication.
     * @param  int  $lockFor  The seconds after which a webhook may be handled again if its process died.
     */
    public function __construct(
        protected Repository $cache,
        protected int $dedupeFor,
        public readonly int $lockFor,
    ) {
        //
    }

    /**
     * Handle a webhook, and get the result of the handler; or the reason why it is not handled. It may be handled again if the
     * handler throws or its result is not a success.
     *
     * @template T
     *
     * @param  Closure(): T  $handle
     * @param  (Closure(T): bool)|null  $isSuccess  By default every result is a success.
     * @return T|Duplicate
     */
    public function once(Webhook $webhook, Closure $handle, ?Closure $isSuccess = null): mixed
    {
        if ($webhook->id === null || $this->dedupeFor <= 0) {
            return $handle();
        }

        $key = 'resonate-webhooks:'.hash('sha256', "{$webhook->appKey}\0{$webhook->id}");
        $owner = Str::random(20);

        if (! $this->cache->add($key, $owner, $this->lockFor)) {
            return match ($this->cache->get($key)) {
                self::HANDLED => Duplicate::Handled,
                // The lock was just released, or the store keeps nothing. Handling a webhook twice is better than never.
                null => $handle(),
                default => Duplicate::InProgress,
            };
        }

        try {
            $result = $handle();
        } catch (Throwable $e) {
            $this->release($key, $owner);

            throw $e;
        }

        if ($isSuccess === null || $isSuccess($result)) {
            $this->cache->put($key, self::HANDLED, $this->dedupeFor);
        } else {
            $this->release($key, $owner);
        }

        return $result;
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
