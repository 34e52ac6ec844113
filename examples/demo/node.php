<?php

declare(strict_types=1);

/*
 * A node of the demo. It reads its settings as a line of JSON from stdin, and prints a line for each hook that the plugin has
 * handled. With the real Resonate it listens on a port. The stand-in reads the messages of its clients from stdin instead.
 */

require __DIR__.'/autoload.php';

use Demo\Node;
use Demo\ReportingPlugin;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Log\Events\MessageLogged;
use Revolt\EventLoop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\StreamOutput;
use Tests\Support\FakeClient;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\WebhookPlugin;

['webhooks' => $webhooks, 'apps' => $apps, 'port' => $port] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = new TestApplication($webhooks, array_map(TestApplication::app(...), $apps), ['hostname' => null]);
$laravel = $application->laravel;
$laravel->singleton(WebhookPlugin::class, ReportingPlugin::class);
$laravel['events']->listen(MessageLogged::class, static function (MessageLogged $logged): void {
    fwrite(STDERR, "{$logged->level}: {$logged->message}\n");
});

stream_set_blocking(STDIN, false);

/** @var array<string, FakeClient> $clients */
$clients = [];
$server = Node::isReal() ? null : new FakeServer($laravel);

EventLoop::onReadable(STDIN, static function () use ($server, &$clients): void {
    while (($line = fgets(STDIN)) !== false) {
        ['client' => $id, 'message' => $message] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);

        if ($id === null) {
            $client = $server->connect($message);
            $clients[$client->id()] = $client;
            ReportingPlugin::report('connected', $client->id());
        } else {
            $message === null ? $clients[$id]->close() : $clients[$id]->raw($message);
        }
    }

    // The demo has ended.
    if (feof(STDIN)) {
        exit(1);
    }
});

if ($server === null) {
    exit($laravel->make(Kernel::class)->handle(
        new ArrayInput(['command' => 'resonate:start', '--host' => '127.0.0.1', '--port' => (string) $port]), new StreamOutput(STDERR),
    ));
}

EventLoop::onSignal(SIGTERM, EventLoop::getDriver()->stop(...));
EventLoop::run();

$server->stop();
