<?php

declare(strict_types=1);

/*
 * A Reverb node of a chaos run, on React's event loop: the extension, the package and Laravel under PHP, with clients by script.
 */

use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
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

exit($application->startReverb(static function (Server $server) use ($application): void {
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
}));
