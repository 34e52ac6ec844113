<?php

declare(strict_types=1);

/*
 * The rows of `make bench` about Reverb, with and without webhooks:
 *
 *     php -d extension=... benches/reverb.php on|off [seconds]
 *
 * Messages go through Reverb's server, without a network, on an event loop with a processor of its own. Of the times of single
 * subscriptions, and of closes, the least disturbed tenth counts. A connection that closes is removed from every channel of its
 * application, of which there are 10 000.
 *
 * For the lag, a timer of 1 ms handles a subscription, a leave and two client events each time, and another one measures how
 * late it fires.
 *
 * The stand-in for Reverb does less than Reverb, so there are no figures without the real one.
 */

require __DIR__.'/harness.php';
require dirname(__DIR__).'/tests/php/Support/reverb.php';

use Illuminate\Contracts\Console\Kernel;
use Laravel\Reverb\Contracts\ApplicationProvider;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Contracts\WebSocketConnection;
use Laravel\Reverb\Protocols\Pusher\Server;
use Laravel\Reverb\Servers\Reverb\Factory;
use React\EventLoop\Loop;
use Symfony\Component\Console\Input\ArrayInput;
use Symfony\Component\Console\Output\NullOutput;
use Tests\Support\RedisServer;
use Tests\Support\TestApplication;

const CHANNELS = 10_000;
const CLIENTS = 100;
const CLOSES = 100;
const WHISPERS = 2;
const PRESENT = 1_000;

if (! class_exists(Factory::class)) {
    array_map(fn (string $name) => print "{$name}\t-\tnot installed\n", ['subscribes_per_s', 'close_ms', 'lag_p99_ms']);

    exit;
}

[$webhooks, $seconds] = [($argv[1] ?? 'on') === 'on', (float) ($argv[2] ?? 3)];

$redis = new RedisServer;
$laravel = TestApplication::withReverb([
    'connection' => $redis->connection(),
    'reverb' => $webhooks,
    'endpoints' => [['url' => receiver()]],
    'shutdown_timeout' => 0.1,
])->laravel;

/**
 * Connect a client that ignores what it is sent.
 */
function connect(Server $server): Connection
{
    $socket = new class implements WebSocketConnection
    {
        public function id(): int|string
        {
            return 0;
        }

        public function send(mixed $message): void
        {
            //
        }

        public function close(mixed $message = null): void
        {
            //
        }
    };

    $connection = new class ($socket, app(ApplicationProvider::class)->findByKey('key-1'), null) extends Connection
    {
        private static int $count = 0;

        private string $socketId;

        public function identifier(): string
        {
            return $this->id();
        }

        public function id(): string
        {
            return $this->socketId ??= getmypid().'.'.++self::$count;
        }

        public function send(string $message): void
        {
            //
        }

        public function control(string $type = 'ping'): void
        {
            //
        }

        public function terminate(): void
        {
            //
        }
    };

    $server->open($connection);

    return $connection;
}

/**
 * Get a message that subscribes a connection to a private channel, or makes it leave.
 */
function message(string $event, Connection $connection, string $channel): string
{
    $app = $connection->app();
    $auth = $app->key().':'.hash_hmac('sha256', "{$connection->id()}:{$channel}", $app->secret());

    return json_encode(['event' => "pusher:{$event}", 'data' => ['channel' => $channel, 'auth' => $auth]], JSON_THROW_ON_ERROR);
}

/**
 * Get the time that a tenth of the calls takes at most, in milliseconds.
 *
 * @param  list<list<mixed>>  $arguments  Those of each call.
 */
function undisturbed(callable $call, array $arguments): float
{
    $times = [];

    foreach ($arguments as $each) {
        $begun = hrtime(true);
        $call(...$each);
        $times[] = (hrtime(true) - $begun) / 1e6;
    }

    return percentile($times, 0.1);
}

/**
 * Print the costs of a subscription and of a close.
 */
$measureCosts = static function (Server $server): void {
    $connections = array_map(fn () => connect($server), range(1, CLIENTS));
    $messages = [];

    for ($n = 0; $n < CHANNELS; $n++) {
        $messages[] = [$connection = $connections[$n % CLIENTS], message('subscribe', $connection, "private-bench-{$n}")];
    }

    $subscribing = undisturbed($server->message(...), $messages);
    $visitors = [];

    for ($n = 0; $n < CLOSES; $n++) {
        $visitors[] = [$visitor = connect($server)];
        $server->message($visitor, message('subscribe', $visitor, 'private-bench-0'));
    }

    printf("subscribes_per_s\t%.0f\nclose_ms\t%.4f\n", 1e3 / $subscribing, undisturbed($server->close(...), $visitors));
};

/**
 * Print the lag of a timer under load, then end.
 */
$measureLag = static function (Server $server) use ($seconds): void {
    $connections = array_map(fn () => connect($server), range(1, CLIENTS));
    $whispers = [];

    foreach ($connections as $n => $connection) {
        $server->message($connection, message('subscribe', $connection, "private-room-{$n}"));
        $whispers[] = json_encode(['event' => 'client-typing', 'channel' => "private-room-{$n}", 'data' => ['at' => $n]]);
    }

    [$begun, $turns, $lags, $last] = [hrtime(true), 0, [], null];

    Loop::addPeriodicTimer(0.001, static function () use (&$turns, $server, $connections, $whispers): void {
        for ($n = 0; $n < WHISPERS; $n++) {
            $client = ($turns * WHISPERS + $n) % CLIENTS;
            $server->message($connections[$client], $whispers[$client]);
        }

        $visitor = $connections[$turns % CLIENTS];
        $server->message($visitor, message('subscribe', $visitor, "private-visit-{$turns}"));

        if (($past = $turns - PRESENT) >= 0) {
            $gone = $connections[$past % CLIENTS];
            $server->message($gone, message('unsubscribe', $gone, "private-visit-{$past}"));
        }

        $turns++;
    });

    Loop::addPeriodicTimer(0.001, static function () use (&$lags, &$last): void {
        $now = hrtime(true);
        $last === null || $lags[] = max(0.0, ($now - $last) / 1e6 - 1);
        $last = $now;
    });

    Loop::addTimer($seconds, static function () use (&$lags, &$turns, $begun): void {
        printf("lag_p99_ms\t%.4f\nrate\t%.3f\n", percentile($lags, 0.99), $turns / ((hrtime(true) - $begun) / 1e6));
        Loop::stop();
    });
};

$laravel->afterResolving(Server::class, static function (Server $server) use ($measureCosts, $measureLag): void {
    static $resolved = false;

    if (! $resolved) {
        $resolved = true;
        Loop::addTimer(0.5, pinLoopToProcessor(...));
        Loop::addTimer(1.0, fn () => $measureCosts($server));
        Loop::addTimer(4.0, fn () => $measureLag($server));
    }
});

exit($laravel->make(Kernel::class)->handle(new ArrayInput([
    'command' => 'reverb:start', '--host' => '127.0.0.1', '--port' => (string) config('reverb.servers.reverb.port'),
]), new NullOutput));
