<?php

declare(strict_types=1);

/*
 * A Reverb node of a chaos run, on React's event loop: the extension, the package and Laravel under PHP, with clients by script.
 */

use Illuminate\Contracts\Console\Kernel;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\NullOutput;
use Tests\Chaos\Orders;
use Tests\Chaos\OrderWatch;
use Tests\Chaos\WatchedNode;
use Tests\Support\ReverbClient;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Hosts\Node;

require __DIR__.'/bootstrap.php';
require dirname(__DIR__, 2).'/php/Support/reverb.php';

// Where only members may send, Reverb refuses some client events of members if it serves several applications.
$application = TestApplication::withReverb($webhooks, applications(acceptClientEventsFrom: 'all'));
$laravel = $application->laravel;
$laravel->bind(Node::class, WatchedNode::class);
printLog($laravel);

$serve = static function (Server $server) use ($application): void {
    $watch = new OrderWatch($application->laravel->make(Node::class));
    $orders = new Orders($watch, fn (string $key) => new ReverbClient($server, $key), leavesBeforeClose: true);

    register_shutdown_function(static function () use ($application, $watch): void {
        $watch->printLeft();
        $application->remove();
    });

    Loop::addReadStream(STDIN, static function () use ($orders): void {
        if (! $orders->carryOut()) {
            Loop::removeReadStream(STDIN);
            posix_kill(getmypid(), SIGTERM);
        }
    });
    Loop::addPeriodicTimer(0.002, $watch->printDecided(...));
};

// Two ticks later, because the webhooks start in the first one, and their shutdown function must run first.
$laravel->afterResolving(Server::class, static function (Server $server) use ($serve): void {
    Loop::futureTick(static fn () => Loop::futureTick(static fn () => $serve($server)));
});

exit($laravel->make(Kernel::class)->handle(new ArrayInput([
    'command' => 'reverb:start', '--host' => '127.0.0.1', '--port' => (string) config('reverb.servers.reverb.port'),
]), new NullOutput));
