<?php

declare(strict_types=1);

/*
 * A Resonate server with clients. It reads its settings as a line of JSON from stdin, and stops at the end of stdin.
 */

require __DIR__.'/bootstrap.php';

use Revolt\EventLoop;
use Tests\Soak\Clients;
use Tests\Support\FakeClient;
use Tests\Support\FakeConnection;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\Resonate\Protocols\Pusher\Server;

['webhooks' => $webhooks, 'rate' => $rate, 'seed' => $seed] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = new TestApplication($webhooks);
$laravel = $application->laravel;
logToStderr($laravel);
register_shutdown_function($application->remove(...));

$server = new FakeServer($laravel);
// The stand-in for the server would keep the clients that it connects.
$clients = new Clients(static fn () => new FakeClient(
    $laravel->make(Server::class), new FakeConnection($laravel->make(ApplicationProvider::class)->findByKey('key-1')),
), $rate, $seed);

EventLoop::repeat(0.005, $clients->turn(...));
EventLoop::onReadable(STDIN, static function (): void {
    feof(STDIN) || fgets(STDIN) !== false || EventLoop::getDriver()->stop();
});
echo "ready\n";
EventLoop::run();

$server->stop();
