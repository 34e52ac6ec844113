<?php

declare(strict_types=1);

/*
 * A Resonate node as a process. It reads one JSON command per line on stdin and answers each with a
 * line. `{"client": "ann", "do": "join", "with": ["presence-room", 7]}` calls a method of a FakeClient;
 * without a client, of the FakeServer. "connect" creates the client, and "traffic" creates many that
 * need no commands. The node stops at the end of stdin, and on SIGTERM and SIGUSR2 as Resonate's own
 * command does: after SIGUSR2, its clients have `drain` seconds to leave.
 */

use Revolt\EventLoop;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Tests\Support\Traffic;

require dirname(__DIR__).'/bootstrap.php';

['webhooks' => $webhooks, 'apps' => $apps, 'drain' => $drain, 'folder' => $folder] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = $folder === null ? new TestApplication($webhooks, $apps) : null;
$server = new FakeServer($application->laravel ?? TestApplication::boot($folder));
$clients = [];
$traffic = null;

// Runs after the plugin's shutdown function, which was registered first.
register_shutdown_function(static function () use ($application, &$traffic): void {
    if ($traffic !== null) {
        echo json_encode($traffic->sent)."\n";
    }

    foreach ($application?->log() ?? [] as $line) {
        echo $line."\n";
    }

    $application?->remove();
});

echo "ready\n";

stream_set_blocking(STDIN, false);

$stop = static function () use ($server, &$traffic): void {
    $traffic?->end();
    $server->stop();
    EventLoop::queue(static fn () => EventLoop::getDriver()->stop());
};

EventLoop::onSignal(SIGTERM, $stop);
EventLoop::onSignal(SIGUSR2, static function () use ($server, &$traffic, $drain, $stop): void {
    $server->drain();
    $traffic?->leaveSlowly();
    EventLoop::delay($drain, $stop);
});

EventLoop::onReadable(STDIN, static function (string $id) use ($server, &$clients, &$traffic): void {
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
        $method === 'traffic' => $traffic = new Traffic($server),
        $name === null => $server->{$method}(...$arguments),
        $method === 'connect' => ($clients[$name] = $server->connect(...$arguments))->id(),
        default => $clients[$name]->{$method}(...$arguments),
    };

    echo json_encode(is_object($answer) ? null : $answer)."\n";
});

EventLoop::run();

$server->stop();
