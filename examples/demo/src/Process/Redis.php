<?php

declare(strict_types=1);

namespace Demo\Process;

use Tests\Support\FreePort;

/**
 * A Redis of the demo's own, empty and without a disk.
 */
final readonly class Redis
{
    private function __construct(
        public ChildProcess $process,
        public int $port,
    ) {}

    /**
     * Start it and wait until it listens.
     */
    public static function start(string $folder): self
    {
        $port = FreePort::find();
        $process = ChildProcess::start(
            'redis',
            ['redis-server', '--port', (string) $port, '--bind', '127.0.0.1', '--save', '', '--dir', $folder, '--loglevel', 'warning'],
            $folder,
        );
        Port::await($port, $process);

        return new self($process, $port);
    }
}
