<?php

declare(strict_types=1);

namespace Demo\Process;

use Demo\Node\Reports;
use Demo\Node\Settings;

/**
 * A node, seen from the demo: its process, its port, and what its hooks report.
 */
final readonly class Node
{
    private function __construct(
        public ChildProcess $process,
        public int $port,
        public HookLog $hooks,
    ) {}

    /**
     * Start the process.
     */
    public static function start(int $number, Settings $settings, string $logFolder): self
    {
        $hooks = new HookLog;

        return new self(
            ChildProcess::start(
                "node {$number}",
                [PHP_BINARY, ...Extension::arguments(), dirname(__DIR__, 2).'/node.php'],
                $logFolder,
                $settings->toEnvironment(),
                $hooks->record(...),
                $hooks->end(...),
                Reports::DESCRIPTOR,
            ),
            $settings->port,
            $hooks,
        );
    }
}
