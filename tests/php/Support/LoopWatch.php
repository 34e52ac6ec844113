<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Revolt\EventLoop;

/**
 * Watches the event loop while something goes on: how often it came round, and how long it did not.
 */
final class LoopWatch
{
    /**
     * How often a timer asks for its turn, in seconds.
     */
    private const float INTERVAL = 0.001;

    /**
     * The times between two turns of that timer, in seconds.
     *
     * @var list<float>
     */
    public private(set) array $gaps = [];

    private function __construct()
    {
        //
    }

    /**
     * Watch the loop while the work is done, which has to suspend for the loop to run.
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
     * How often the loop came round.
     */
    public function rounds(): int
    {
        return count($this->gaps);
    }

    /**
     * How long the work took, in seconds.
     */
    public function seconds(): float
    {
        return array_sum($this->gaps);
    }

    /**
     * The longest that anybody had to wait for the loop, in seconds.
     */
    public function longestGap(): float
    {
        return max($this->gaps);
    }
}
