<?php

declare(strict_types=1);

/*
 * A Reverb node as a process, on React's loop. Its commands are those of node.php: `{"client": "ann", "do": "join", "with": [...]}`
 * calls a method of a ReverbClient, "connect" creates one, and without a client an Artisan command runs. At the end of stdin,
 * or on a signal, it stops as Reverb does.
 *
 * `with` lists the additions of the application: files in `reverb/` that return a function, which gets the application.
 */

use Illuminate\Contracts\Console\Kernel;
use Laravel\Reverb\Protocols\Pusher\Server;
use React\EventLoop\Loop;
use Tests\Support\ReverbClient;
use Tests\Support\TestApplication;

require dirname(__DIR__).'/bootstrap.php';
require __DIR__.'/reverb.php';

['webhooks' => $webhooks, 'apps' => $apps, 'with' => $with] = json_decode((string) fgets(STDIN), true, flags: JSON_THROW_ON_ERROR);

// As in Artisan's process.
$_SERVER['argv'] = ['artisan', 'reverb:start'];

$application = TestApplication::withReverb($webhooks, $apps, getenv('APP_ENV') ?: 'local');
$laravel = $application->laravel;
$server = null;
$clients = [];

foreach ($with as $file) {
    (require __DIR__."/reverb/{$file}.php")($laravel);
}

$obey = static function () use ($laravel, &$server, &$clients): void {
    $line = fgets(STDIN);

    if ($line === false) {
        if (feof(STDIN)) {
            Loop::removeReadStream(STDIN);
            posix_kill(getmypid(), SIGTERM);
        }

        return;
    }

    ['client' => $name, 'do' => $method, 'with' => $arguments] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);

    $answer = match (true) {
        $name === null => $laravel->make(Kernel::class)->call($method, ...$arguments),
        $method === 'connect' => ($clients[$name] = new ReverbClient($server, ...$arguments))->id(),
        default => $clients[$name]->{$method}(...$arguments),
    };

    echo json_encode(is_object($answer) ? null : $answer)."\n";
};

exit($application->startReverb(static function (Server $started) use ($application, $obey, &$server): void {
    $server = $started;

    register_shutdown_function(static function () use ($application): void {
        foreach ($application->log() as $line) {
            echo $line."\n";
        }

        $application->remove();
    });

    stream_set_blocking(STDIN, false);
    Loop::addReadStream(STDIN, $obey);
    echo "ready\n";
}));
