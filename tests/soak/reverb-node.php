<?php

declare(strict_types=1);

/*
 * A Reverb server with clients, on React's event loop. It does the same as resonate-node.php.
 */

require __DIR__.'/bootstrap.php';
require dirname(__DIR__).'/php/Support/reverb.php';

use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use Tests\Soak\Clients;
use Tests\Support\ReverbClient;
use Tests\Support\TestApplication;

['webhooks' => $webhooks, 'rate' => $rate, 'seed' => $seed] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

$application = TestApplication::withReverb($webhooks);
logToStderr($application->laravel);

exit($application->startReverb(static function (Server $server) use ($application, $rate, $seed): void {
    register_shutdown_function($application->remove(...));
    $clients = new Clients(static fn () => new ReverbClient($server, 'key-1'), $rate, $seed);
    Loop::addPeriodicTimer(0.005, $clients->turn(...));
    Loop::addReadStream(STDIN, static function (): void {
        if (fgets(STDIN) === false) {
            Loop::removeReadStream(STDIN);
            posix_kill(getmypid(), SIGTERM);
        }
    });
    echo "ready\n";
}));
