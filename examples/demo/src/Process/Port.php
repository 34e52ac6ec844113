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
     * One that is free now.
     */
    public static function free(): int
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $port = (int) substr(strrchr(stream_socket_get_name($socket, false), ':'), 1);
        fclose($socket);

        return $port;
    }

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
