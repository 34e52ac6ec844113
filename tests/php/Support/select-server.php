<?php

declare(strict_types=1);

/*
 * A server on PHP's default event loop that accepts clients up to the limit of the loop or of open files. Reads a line of
 * JSON: `descriptors`, the limit of open files, and `webhooks`, their config, or null for none. Writes its port, and at the
 * end the number of its clients.
 */

use Illuminate\Support\Facades\Log;
use Revolt\EventLoop;
use Revolt\EventLoop\Driver\StreamSelectDriver;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;

require dirname(__DIR__).'/bootstrap.php';

['descriptors' => $descriptors, 'webhooks' => $webhooks] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

posix_setrlimit(POSIX_RLIMIT_NOFILE, $descriptors, posix_getrlimit(POSIX_RLIMIT_NOFILE)[1]);
EventLoop::setDriver(new StreamSelectDriver);

$application = new TestApplication($webhooks, server: $webhooks === null ? ['plugins' => []] : []);
$server = new FakeServer($application->laravel);

// The log is open in both cases.
Log::info('A server that counts its clients.');

if ($webhooks !== null) {
    $server->connect()->subscribe('room');
}

$listener = stream_socket_server('tcp://127.0.0.1:0', context: stream_context_create(['socket' => ['backlog' => 2048]]));
echo substr((string) strrchr((string) stream_socket_get_name($listener, false), ':'), 1)."\n";

$clients = [];
$why = 'out of descriptors';

EventLoop::onReadable($listener, static function () use ($listener, &$clients): void {
    // Without free descriptors, PHP warns, and no class can be loaded, so this must not throw.
    if (($client = @stream_socket_accept($listener, 0)) === false) {
        EventLoop::getDriver()->stop();

        return;
    }

    $clients[] = $client;
    EventLoop::onReadable($client, static fn () => null);
});

try {
    EventLoop::run();
} catch (Throwable $e) {
    $why = $e->getMessage();
}

echo count($clients)." {$why}\n";

array_map(fclose(...), $clients);
$application->remove();
