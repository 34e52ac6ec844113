<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Scheduling;

use Revolt\EventLoop;
use Throwable;
use Webpatser\Resonate\Contracts\Logger;

/**
 * Repeats tasks on the event loop. A task does not start again before its last run has ended.
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
        $running = false;

        return $this->tasks[] = EventLoop::repeat($interval, function () use ($callback, $name, &$running): void {
            if ($running) {
                return;
            }

            $running = true;

            try {
                $callback();
            } catch (Throwable $e) {
                $this->logger->error("Scheduled task [{$name}] failed: ".$e->getMessage());
            } finally {
                $running = false;
            }
        });
    }

    public function cancelAll(): void
    {
        array_map(EventLoop::cancel(...), $this->tasks);

        $this->tasks = [];
    }
}
