<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A redis-server for one test, which can hang, die and come back.
 */
final class FailingRedis
{
    private readonly string $folder;

    private readonly int $port;

    private Process $process;

    /**
     * Start a server and wait until it answers. With an append-only file, it keeps its data when it is killed.
     */
    public function __construct(private readonly bool $remembers = false)
    {
        $this->folder = sys_get_temp_dir().'/failing-redis-'.bin2hex(random_bytes(6));
        $this->port = FreePort::find();

        mkdir($this->folder);
        $this->start();
    }

    /**
     * Get the `connection` config, with a timeout in seconds.
     *
     * @return array<string, mixed>
     */
    public function connection(float $timeout): array
    {
        return ['host' => '127.0.0.1', 'port' => $this->port, 'timeout' => $timeout];
    }

    /**
     * Start the server, and wait until it answers.
     */
    public function start(): void
    {
        $this->process = new Process([
            'redis-server', '--port', (string) $this->port, '--bind', '127.0.0.1', '--dir', $this->folder,
            '--save', '', '--appendonly', $this->remembers ? 'yes' : 'no', '--appendfsync', 'always',
            '--loglevel', 'warning',
        ], 'redis-server');

        Wait::until($this->answers(...), 'redis-server to answer');
    }

    /**
     * Suspend the server. It keeps connections open and accepts new ones, but does not answer.
     */
    public function hang(): void
    {
        $this->process->signal(SIGSTOP);
    }

    /**
     * Resume the server.
     */
    public function goOn(): void
    {
        $this->process->signal(SIGCONT);
    }

    /**
     * Kill the server.
     */
    public function kill(): void
    {
        $this->process->signal(SIGKILL);
        $this->process->awaitEnd();
    }

    private function answers(): bool
    {
        $socket = Quietly::call(stream_socket_client(...), "tcp://127.0.0.1:{$this->port}", timeout: 1);

        return $socket && fwrite($socket, "PING\r\n") && fgets($socket) === "+PONG\r\n";
    }

    public function __destruct()
    {
        if ($this->process->running()) {
            $this->process->signal(SIGKILL);
        }

        // PHP waits for the process to end.
        unset($this->process);

        array_map(unlink(...), glob("{$this->folder}/{,appendonlydir/}*.*", GLOB_BRACE) ?: []);
        is_dir("{$this->folder}/appendonlydir") && rmdir("{$this->folder}/appendonlydir");
        rmdir($this->folder);
    }
}
