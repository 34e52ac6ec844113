<?php

declare(strict_types=1);

namespace Tests\Support;

use Socket;

/**
 * Finds a free TCP port that no other test uses before this process ends. To reserve it, a test holds the UDP port of the
 * same number. tests/support/port.rs follows the same rule.
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
     * Pick a port below 32768, where the ports of outgoing connections begin.
     */
    public static function find(): int
    {
        do {
            $port = random_int(10_000, 29_999);
            // Not a stream, because PHP lets two streams share a UDP port.
            $reservation = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
        } while (! Quietly::call(socket_bind(...), $reservation, '127.0.0.1', $port) || ! Quietly::call(stream_socket_server(...), "tcp://127.0.0.1:{$port}"));

        self::$reservations[] = $reservation;

        return $port;
    }
}
