<?php

declare(strict_types=1);

/*
 * A Resonate node as a process: hears one JSON command per line on stdin and answers each with a
 * line. `{"client": "ann", "do": "join", "with": ["presence-room", 7]}` calls a FakeClient's method,
 * and without a client the FakeServer's; "connect" makes the client. At the end of stdin it stops.
 */

use Revolt\EventLoop;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;

require dirname(__DIR__).'/bootstrap.php';

['webhooks' => $webhooks, 'apps' => $apps] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = new TestApplication($webhooks, $apps);
$server = new FakeServer($application->laravel);
$clients = [];

// Runs after the plugin's own shutdown function, which was registered first.
register_shutdown_function(static function () use ($application): void {
    foreach ($application->log() as $line) {
        echo $line."\n";
    }

    $application->remove();
});

echo "ready\n";

stream_set_blocking(STDIN, false);

EventLoop::onReadable(STDIN, static function (string $id) use ($server, &$clients): void {
    $line = fgets(STDIN);

    if ($line === false) {
        if (feof(STDIN)) {
            EventLoop::cancel($id);
            EventLoop::getDriver()->stop();
        }

        return;
    }

    ['client' => $name, 'do' => $method, 'with' => $arguments] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);

    $answer = match (true) {
        $name === null => $server->{$method}(...$arguments),
        $method === 'connect' => ($clients[$name] = $server->connect(...$arguments))->id(),
        default => $clients[$name]->{$method}(...$arguments),
    };

    echo json_encode(is_object($answer) ? null : $answer)."\n";
});

EventLoop::run();

$server->stop();
