<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Closure;
use Throwable;
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Catches exceptions before they reach Reverb. An exception in a timer, `remove()` or `close()` would end Reverb silently with
 * exit code 0.
 */
final class Guard
{
    /**
     * The number of messages that are remembered.
     */
    private const int REMEMBERED = 100;

    /**
     * The reported messages. Each is reported once, since a hook may fail for every client.
     *
     * @var array<string, true>
     */
    private array $reported = [];

    /**
     * Wrap a callback so that its exceptions are reported.
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
     * Report an exception to Laravel's log, or to PHP's log if that fails.
     */
    public function report(Throwable $e): void
    {
        if (isset($this->reported[$e->getMessage()])) {
            return;
        }

        $this->reported = [$e->getMessage() => true] + array_slice($this->reported, 0, self::REMEMBERED - 1, preserve_keys: true);

        ServerLog::error("Resonate webhooks: {$e->getMessage()}", ['exception' => $e]);
    }
}
