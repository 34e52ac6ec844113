<?php

declare(strict_types=1);

/*
 * A Reverb node of the demo. It does the same as resonate-node.php on React's event loop: the real Reverb listens on a port, and
 * the stand-in reads the messages of its clients from stdin.
 */

require __DIR__.'/autoload.php';
require dirname(__DIR__, 2).'/tests/php/Support/reverb.php';

use Demo\HookReport;
use Demo\ReportingHooks;
use Demo\ScriptedClients;
use Illuminate\Contracts\Console\Kernel;
use Laravel\Reverb\Events\MessageReceived;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\StreamOutput;
use Tests\Support\ReverbClient;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Reverb\Hooks;

['webhooks' => $webhooks, 'apps' => $apps, 'port' => $port] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

// Where only members may send, Reverb refuses some client events of members if it serves several applications.
$apps = array_map(fn (string $id) => TestApplication::app($id, acceptClientEventsFrom: 'all'), $apps);
$laravel = TestApplication::withReverb($webhooks, $apps)->laravel;
$laravel->bind(Hooks::class, ReportingHooks::class);
HookReport::logTo(STDERR, $laravel);

// The package's listener is before all others, so it has reported the client event by then.
$laravel['events']->listen(MessageReceived::class, HookReport::clientEvent(...));

$server = null;
$laravel->afterResolving(Server::class, static function (Server $resolved) use (&$server): void {
    $server = $resolved;
});
$clients = new ScriptedClients(static function (string $key) use (&$server): ReverbClient {
    return new ReverbClient($server, $key);
});

Loop::addReadStream(STDIN, $clients->obey(...));

exit($laravel->make(Kernel::class)->handle(
    new ArrayInput(['command' => 'reverb:start', '--host' => '127.0.0.1', '--port' => (string) $port]), new StreamOutput(STDERR),
));
