<?php

declare(strict_types=1);

namespace Tests\Support;

use Socket;

/**
 * Finds a TCP port that nobody uses, and that no other test takes before this process ends: only the holder of the UDP port
 * of the same number uses it. tests/support/port.rs follows the same rule.
 */
final class FreePort
{
    /**
     * The UDP ports that this process holds.
     *
     * @var list<Socket>
     */
    private static array $reservations = [];

    /**
     * Draw a port that no outgoing connection takes either: those begin at 32768.
     */
    public static function find(): int
    {
        do {
            $port = random_int(10_000, 29_999);
            // Not a stream: PHP lets two of those share a UDP port.
            $reservation = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
        } while (! Quietly::call(socket_bind(...), $reservation, '127.0.0.1', $port) || ! Quietly::call(stream_socket_server(...), "tcp://127.0.0.1:{$port}"));

        self::$reservations[] = $reservation;

        return $port;
    }
}
