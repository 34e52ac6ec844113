<?php

declare(strict_types=1);

/*
 * A server on PHP's default event loop that takes clients until the loop, or the limit of open files, takes no more. Hears a
 * line of JSON: `descriptors`, its limit of open files, and `webhooks`, their config, or null for a server without. Says its
 * port, then how many clients it has at the end.
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

// The log is open either way.
Log::info('A server that counts its clients.');

if ($webhooks !== null) {
    $server->connect()->subscribe('room');
}

$listener = stream_socket_server('tcp://127.0.0.1:0', context: stream_context_create(['socket' => ['backlog' => 2048]]));
echo substr((string) strrchr((string) stream_socket_get_name($listener, false), ':'), 1)."\n";

$clients = [];
$why = 'out of descriptors';

EventLoop::onReadable($listener, static function () use ($listener, &$clients): void {
    // Out of descriptors, PHP warns; and no class can be loaded any more, so nothing is thrown.
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
