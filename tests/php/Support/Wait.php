<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Revolt\EventLoop;
use RuntimeException;

/**
 * Waits for conditions with a deadline, while the event loop runs.
 */
final class Wait
{
    /**
     * Wait until the condition returns a truthy value, and return that.
     *
     * @template T
     *
     * @param  Closure(): T  $condition
     * @return T
     */
    public static function until(Closure $condition, Closure|string $what, float $seconds = 15.0): mixed
    {
        $deadline = microtime(true) + $seconds;

        while (! ($result = $condition())) {
            if (microtime(true) > $deadline) {
                throw new RuntimeException("Waited {$seconds} s in vain for ".(is_string($what) ? $what : $what()));
            }

            self::pause(0.01);
        }

        return $result;
    }

    /**
     * Run the event loop for some seconds.
     */
    public static function pause(float $seconds): void
    {
        $suspension = EventLoop::getSuspension();

        EventLoop::delay($seconds, static fn () => $suspension->resume());

        $suspension->suspend();
    }
}
