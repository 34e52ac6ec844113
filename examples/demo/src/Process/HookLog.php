<?php

declare(strict_types=1);

namespace Demo\Process;

use Revolt\EventLoop;
use Revolt\EventLoop\Suspension;
use RuntimeException;

/**
 * What the nodes report: which hook ran for which socket, and when the plugin was through with it.
 */
final class HookLog
{
    private const float PATIENCE = 5.0;

    /**
     * @var array<string, list<array<string, mixed>>> reports nobody has waited for yet
     */
    private array $reports = [];

    /**
     * @var array<string, Suspension>
     */
    private array $waiting = [];

    /**
     * Take a node's report.
     *
     * @param  array<string, mixed>  $report
     */
    public function record(array $report): void
    {
        $key = self::key($report['hook'], $report['of'], $report['channel'] ?? null);

        if (isset($this->waiting[$key])) {
            $suspension = $this->waiting[$key];
            unset($this->waiting[$key]);
            $suspension->resume($report);
        } else {
            $this->reports[$key][] = $report;
        }
    }

    /**
     * There will be no more reports.
     */
    public function end(): void
    {
        foreach ($this->waiting as $key => $suspension) {
            unset($this->waiting[$key]);
            $suspension->throw(new RuntimeException("the node ended before it reported {$key}"));
        }
    }

    /**
     * Wait for a report; no two fibers wait for the same one.
     *
     * @return array<string, mixed>
     */
    public function await(string $hook, string $of, ?string $channel = null): array
    {
        $key = self::key($hook, $of, $channel);

        if (! empty($this->reports[$key])) {
            return array_shift($this->reports[$key]);
        }

        $suspension = $this->waiting[$key] = EventLoop::getSuspension();
        $alarm = EventLoop::delay(self::PATIENCE, function () use ($key, $suspension) {
            unset($this->waiting[$key]);
            $suspension->throw(new RuntimeException("no node reported {$key} in time"));
        });

        try {
            return $suspension->suspend();
        } finally {
            EventLoop::cancel($alarm);
        }
    }

    private static function key(string $hook, string $of, ?string $channel): string
    {
        return implode(' ', array_filter([$hook, $of, $channel], is_string(...)));
    }
}
