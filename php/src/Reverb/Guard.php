<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Closure;
use Illuminate\Support\Facades\Log;
use Throwable;

/**
 * Keeps exceptions away from Reverb. One that leaves a timer, `remove()` or `close()` ends Reverb silently, with exit code 0.
 */
final class Guard
{
    /**
     * The number of messages that are remembered.
     */
    private const int REMEMBERED = 100;

    /**
     * The messages that have been reported, each once: a hook may fail for every client.
     *
     * @var array<string, true>
     */
    private array $reported = [];

    /**
     * Make a callback whose exceptions are reported.
     *
     * @param  callable(): void  $callback
     */
    public function around(callable $callback): Closure
    {
        return function () use ($callback): void {
            try {
                $callback();
            } catch (Throwable $e) {
                $this->report($e);
            }
        };
    }

    /**
     * Report an exception. Where Laravel's log fails too, PHP's gets the message.
     */
    public function report(Throwable $e): void
    {
        if (isset($this->reported[$e->getMessage()])) {
            return;
        }

        $this->reported = [$e->getMessage() => true] + array_slice($this->reported, 0, self::REMEMBERED - 1, preserve_keys: true);

        try {
            Log::error("Resonate webhooks: {$e->getMessage()}", ['exception' => $e]);
        } catch (Throwable $failure) {
            error_log("Resonate webhooks: {$e->getMessage()}; it could not be logged: {$failure->getMessage()}");
        }
    }
}
