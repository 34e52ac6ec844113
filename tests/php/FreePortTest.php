<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\FreePort;
use Tests\Support\Quietly;

/**
 * Tests that run at the same time use different ports.
 */
final class FreePortTest extends TestCase
{
    public function test_a_free_port_is_reserved_until_a_server_listens_on_it(): void
    {
        $port = FreePort::find();
        $reservation = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);

        $this->assertFalse(Quietly::call(socket_bind(...), $reservation, '127.0.0.1', $port), 'reserved');
        $this->assertIsResource(stream_socket_server("tcp://127.0.0.1:{$port}"), 'free');
    }
}
