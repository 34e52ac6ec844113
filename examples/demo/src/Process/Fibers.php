<?php

declare(strict_types=1);

namespace Demo\Process;

use Closure;
use Revolt\EventLoop;
use Throwable;

/**
 * Things that happen at the same time.
 */
final class Fibers
{
    /**
     * Run all of them, each in a fiber of its own, and return when the last is through.
     *
     * @param  array<Closure(): void>  $tasks
     *
     * @throws Throwable the first that a task threw
     */
    public static function all(array $tasks): void
    {
        if ($tasks === []) {
            return;
        }

        $suspension = EventLoop::getSuspension();
        $running = count($tasks);
        $failure = null;

        foreach ($tasks as $task) {
            EventLoop::queue(function () use ($task, $suspension, &$running, &$failure) {
                try {
                    $task();
                } catch (Throwable $e) {
                    $failure ??= $e;
                }

                if (--$running === 0) {
                    $suspension->resume();
                }
            });
        }

        $suspension->suspend();

        if ($failure !== null) {
            throw $failure;
        }
    }

    /**
     * Let everything else run until the condition holds.
     *
     * @param  Closure(): bool  $condition
     * @return bool whether it held in time
     */
    public static function until(Closure $condition, float $seconds): bool
    {
        $deadline = microtime(true) + $seconds;

        while (! $condition()) {
            if (microtime(true) > $deadline) {
                return false;
            }

            self::sleep(0.005);
        }

        return true;
    }

    /**
     * Let everything else run for a while.
     */
    public static function sleep(float $seconds): void
    {
        $suspension = EventLoop::getSuspension();
        EventLoop::delay($seconds, fn () => $suspension->resume());
        $suspension->suspend();
    }
}
