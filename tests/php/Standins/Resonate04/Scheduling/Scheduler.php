<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Scheduling;

use Revolt\EventLoop;
use Throwable;
use Webpatser\Resonate\Contracts\Logger;

/**
 * Repeats tasks on the event loop, even if their previous run has not ended.
 */
class Scheduler
{
    /**
     * @var list<string>
     */
    protected array $tasks = [];

    public function __construct(protected Logger $logger)
    {
        //
    }

    public function repeat(float $interval, callable $callback, string $name): string
    {
        return $this->tasks[] = EventLoop::repeat($interval, function () use ($callback, $name): void {
            try {
                $callback();
            } catch (Throwable $e) {
                $this->logger->error("Scheduled task [{$name}] failed: ".$e->getMessage());
            }
        });
    }

    public function cancelAll(): void
    {
        array_map(EventLoop::cancel(...), $this->tasks);

        $this->tasks = [];
    }
}
