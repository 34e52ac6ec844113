<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * Finds a port that nobody listens on.
 */
final class FreePort
{
    /**
     * Let the kernel choose one.
     */
    public static function find(): int
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');

        return (int) substr((string) strrchr((string) stream_socket_get_name($socket, false), ':'), 1);
    }
}
