<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Revolt\EventLoop;

/**
 * Measures how often the event loop runs during some work, and its longest pause.
 */
final class LoopWatch
{
    /**
     * The interval of the timer, in seconds.
     */
    private const float INTERVAL = 0.001;

    /**
     * The times between two runs of the timer, in seconds.
     *
     * @var list<float>
     */
    public private(set) array $gaps = [];

    private function __construct()
    {
        //
    }

    /**
     * Watch the loop during some work, which has to suspend for the loop to run.
     */
    public static function during(Closure $work): self
    {
        $watch = new self;
        $last = hrtime(true);

        $turn = static function () use ($watch, &$last): void {
            $now = hrtime(true);
            $watch->gaps[] = ($now - $last) / 1e9;
            $last = $now;
        };

        $timer = EventLoop::repeat(self::INTERVAL, $turn);

        try {
            $work();
        } finally {
            EventLoop::cancel($timer);
            $turn();
        }

        return $watch;
    }

    /**
     * Get the number of times that the loop ran.
     */
    public function rounds(): int
    {
        return count($this->gaps);
    }

    /**
     * Get the duration of the work, in seconds.
     */
    public function seconds(): float
    {
        return array_sum($this->gaps);
    }

    /**
     * Get the longest pause of the loop, in seconds.
     */
    public function longestGap(): float
    {
        return max($this->gaps);
    }
}
