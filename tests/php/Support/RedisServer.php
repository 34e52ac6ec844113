<?php

declare(strict_types=1);

namespace Tests\Support;

use RuntimeException;

/**
 * A redis-server on a free port, without persistence.
 */
final class RedisServer
{
    private static ?self $shared = null;

    private Process $process;

    public readonly int $port;

    /**
     * Start a server with additional command-line options, and wait until it answers.
     */
    public function __construct(string ...$options)
    {
        $this->port = FreePort::find();

        // redis-server ignores the end of its stdin. A shell waits for that and stops the server by its process ID.
        $this->process = new Process([
            'sh', '-c', 'redis-server "$@" >/dev/null & cat >/dev/null; kill $!; wait', 'sh',
            '--port', (string) $this->port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
            '--dir', sys_get_temp_dir(), '--loglevel', 'warning', '--daemonize', 'no',
            ...$options,
        ], 'redis-server');

        Wait::until(fn () => $this->answers(), 'redis-server to answer');
    }

    /**
     * Get the server that all tests share. Each test uses its own key prefix.
     */
    public static function shared(): self
    {
        if (self::$shared === null) {
            self::$shared = new self;
            self::$shared->process->outliveExtension();
        }

        return self::$shared;
    }

    /**
     * Start a Redis Cluster of one server, which has all slots.
     */
    public static function inCluster(): self
    {
        return self::cluster(1)[0];
    }

    /**
     * Start a Redis Cluster of masters without replicas.
     *
     * @return list<self>
     */
    public static function cluster(int $masters): array
    {
        $servers = [];

        foreach (range(1, $masters) as $number) {
            $bus = (string) FreePort::find();
            $servers[] = $server = new self('--cluster-enabled', 'yes', '--cluster-port', $bus, '--cluster-config-file', "nodes-{$bus}.conf", '--cluster-announce-ip', '127.0.0.1');
            $server->command('CLUSTER', 'SET-CONFIG-EPOCH', (string) $number);
            $server->command('CLUSTER', 'ADDSLOTSRANGE', (string) intdiv(($number - 1) * 16384, $masters), (string) (intdiv($number * 16384, $masters) - 1));

            if ($number > 1) {
                $servers[0]->command('CLUSTER', 'MEET', '127.0.0.1', (string) $server->port, $bus);
            }

            $files[] = sys_get_temp_dir()."/nodes-{$bus}.conf";
        }

        foreach ($servers as $server) {
            Wait::until(fn () => str_contains($info = implode("\n", $server->command('CLUSTER', 'INFO')), 'cluster_state:ok')
                && str_contains($info, "cluster_known_nodes:{$masters}\r"), 'the cluster to work');
        }

        array_map(unlink(...), $files);

        return $servers;
    }

    /**
     * Remove a slot from a Redis Cluster. The others work.
     */
    public function removeSlot(int $slot): void
    {
        $this->command('CONFIG', 'SET', 'cluster-require-full-coverage', 'no');
        $this->command('CLUSTER', 'DELSLOTS', (string) $slot);
    }

    /**
     * Get the `connection` config.
     *
     * @return array<string, mixed>
     */
    public function connection(): array
    {
        return ['host' => '127.0.0.1', 'port' => (string) $this->port, 'database' => '0', 'timeout' => 5];
    }

    /**
     * Run a command. A flat reply is returned as a list of strings.
     *
     * @return list<string>
     */
    public function command(string ...$arguments): array
    {
        $socket = Quietly::call(stream_socket_client(...), "tcp://127.0.0.1:{$this->port}", timeout: 5) ?: throw new RuntimeException('no Redis');
        $request = '*'.count($arguments)."\r\n";

        foreach ($arguments as $argument) {
            $request .= '$'.strlen($argument)."\r\n{$argument}\r\n";
        }

        fwrite($socket, $request);

        $head = (string) fgets($socket);
        $rows = $head[0] === '*' ? (int) substr($head, 1) : 1;
        $answer = [];

        for ($row = 0; $row < $rows; $row++) {
            $line = $head[0] === '*' ? (string) fgets($socket) : $head;
            $answer[] = $line[0] === '$'
                ? substr((string) stream_get_contents($socket, (int) substr($line, 1) + 2), 0, -2)
                : substr($line, 1, -2);
        }

        return $answer;
    }

    /**
     * Determine if the server answers.
     */
    private function answers(): bool
    {
        try {
            return $this->command('PING') === ['PONG'];
        } catch (RuntimeException) {
            return false;
        }
    }
}
