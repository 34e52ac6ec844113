<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Large;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\Process;
use Tests\Support\Quietly;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\Wait;

/**
 * `select`, PHP's default event loop, cannot watch descriptors from 1024 on. Every other descriptor below that costs the
 * server a client.
 */
#[Large]
final class DescriptorsTest extends PluginTestCase
{
    /**
     * The clients of one process. Two of these have more than any server here can accept.
     */
    private const int CLIENTS = 600;

    #[TestWith([1024])]
    #[TestWith([20_000])]
    public function test_webhooks_with_many_endpoints_do_not_reduce_the_number_of_clients(int $descriptors): void
    {
        // Started first, because every child inherits the descriptor of the pipe to it.
        RedisServer::shared();
        $without = $this->clientsOf($descriptors, 0);
        $this->assertGreaterThan(900, $without);

        $with = [];

        foreach ([30, 100, 300] as $endpoints) {
            $with[$endpoints] = $this->clientsOf($descriptors, $endpoints);
        }

        $this->assertSame([30 => $without, 100 => $without, 300 => $without], $with);
    }

    /**
     * Fill a server whose webhooks keep a number of connections, and return the number of its clients.
     */
    private function clientsOf(int $descriptors, int $endpoints): int
    {
        $receiver = new Receiver;
        $paths = array_map(fn (int $n) => "/{$n}", range(1, $endpoints));
        $webhooks = $endpoints === 0 ? null : $this->config([
            'key_prefix' => "wh-{$descriptors}-{$endpoints}",
            'endpoints' => array_map(fn (string $path) => ['url' => $receiver->url($path)], $paths),
        ]);

        $server = Process::php('select-server.php', 'a server on stream_select', stderr: fopen('/dev/null', 'w'));
        $server->writeLine((string) json_encode(compact('descriptors', 'webhooks')));
        $port = (int) $server->readLine();

        if ($endpoints > 0) {
            Wait::until(fn () => array_all($paths, fn (string $path) => $receiver->requests($path) !== []), 'a POST to each endpoint', 60.0);
            $this->assertGreaterThanOrEqual($endpoints, $this->socketsOfThreads($server->pid()), 'connections are kept');
        }

        $crowds = [];

        for ($n = 0; $n < 2; $n++) {
            $crowds[] = $crowd = Process::php('clients.php', 'clients');
            $crowd->writeLine((string) json_encode(['port' => $port, 'count' => self::CLIENTS]));
        }

        [$clients, $why] = explode(' ', $server->readLine(60.0), 2);
        $this->assertMatchesRegularExpression('/out of descriptors|FD_SETSIZE/', $why);

        return (int) $clients;
    }

    /**
     * Count the open sockets of the threads of a process.
     */
    private function socketsOfThreads(int $pid): int
    {
        $sockets = [];

        foreach (glob("/proc/{$pid}/task/*/fd/*") ?: [] as $descriptor) {
            $target = (string) Quietly::call(readlink(...), $descriptor);

            if (str_starts_with($target, 'socket:')) {
                $sockets[$target] = true;
            }
        }

        return count($sockets);
    }
}
