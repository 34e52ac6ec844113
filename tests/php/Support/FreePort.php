<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * Finds a port that nobody listens on.
 */
final class FreePort
{
    /**
     * Draw one that no outgoing connection takes before somebody listens on it: those begin at 32768.
     */
    public static function find(): int
    {
        do {
            $port = random_int(10_000, 29_999);
            $socket = @stream_socket_server("tcp://127.0.0.1:{$port}");
        } while ($socket === false);

        return $port;
    }
}
