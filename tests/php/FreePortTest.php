<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\TestCase;
use Tests\Support\FreePort;
use Tests\Support\Quietly;

/**
 * What the tests use side by side stays apart.
 */
final class FreePortTest extends TestCase
{
    public function test_a_port_that_was_found_is_given_to_no_other_test_before_a_server_listens_there(): void
    {
        $port = FreePort::find();
        $reservation = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);

        $this->assertFalse(Quietly::call(socket_bind(...), $reservation, '127.0.0.1', $port), 'reserved');
        $this->assertIsResource(stream_socket_server("tcp://127.0.0.1:{$port}"), 'free');
    }
}
