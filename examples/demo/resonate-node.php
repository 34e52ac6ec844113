<?php

declare(strict_types=1);

/*
 * A Resonate node of the demo. It reads its settings as a line of JSON from stdin, and prints a line for each hook that the
 * plugin has handled. With the real Resonate it listens on a port. The stand-in reads the messages of its clients from stdin.
 */

require __DIR__.'/autoload.php';

use Demo\HookReport;
use Demo\Node;
use Demo\ReportingPlugin;
use Demo\ScriptedClients;
use Illuminate\Contracts\Console\Kernel;
use Revolt\EventLoop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\StreamOutput;
use Tests\Support\FakeServer;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\WebhookPlugin;

['webhooks' => $webhooks, 'apps' => $apps, 'port' => $port] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$laravel = (new TestApplication($webhooks, array_map(TestApplication::app(...), $apps), ['hostname' => null]))->laravel;
$laravel->singleton(WebhookPlugin::class, ReportingPlugin::class);
HookReport::logTo(STDERR, $laravel);

$server = Node::isReal('resonate') ? null : new FakeServer($laravel);
$clients = new ScriptedClients(fn (string $key) => $server->connect($key));

EventLoop::onReadable(STDIN, $clients->obey(...));

if ($server === null) {
    exit($laravel->make(Kernel::class)->handle(
        new ArrayInput(['command' => 'resonate:start', '--host' => '127.0.0.1', '--port' => (string) $port]), new StreamOutput(STDERR),
    ));
}

EventLoop::onSignal(SIGTERM, EventLoop::getDriver()->stop(...));
EventLoop::run();

$server->stop();
