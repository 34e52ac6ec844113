<?php

declare(strict_types=1);

namespace Demo\Process;

use RuntimeException;

/**
 * Ports of the loopback interface.
 */
final class Port
{
    /**
     * Wait until somebody listens on it.
     */
    public static function await(int $port, ChildProcess $server, float $seconds = 10.0): void
    {
        $deadline = microtime(true) + $seconds;

        while (($connection = @stream_socket_client("tcp://127.0.0.1:{$port}")) === false) {
            if (microtime(true) > $deadline || ! $server->isRunning()) {
                throw new RuntimeException("{$server->name} does not listen on port {$port}");
            }

            usleep(20_000);
        }

        fclose($connection);
    }
}
