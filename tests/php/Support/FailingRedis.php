<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A redis-server for one test, that hangs, dies and comes back as it is told.
 */
final class FailingRedis
{
    private readonly string $folder;

    private readonly int $port;

    private Process $process;

    /**
     * Start a server and wait until it answers; with a log of its own it remembers everything over its death.
     */
    public function __construct(private readonly bool $remembers = false)
    {
        $this->folder = sys_get_temp_dir().'/failing-redis-'.bin2hex(random_bytes(6));
        $this->port = FreePort::find();

        mkdir($this->folder);
        $this->start();
    }

    /**
     * The `connection` config that leads here, with a timeout in seconds.
     *
     * @return array<string, mixed>
     */
    public function connection(float $timeout): array
    {
        return ['host' => '127.0.0.1', 'port' => $this->port, 'timeout' => $timeout];
    }

    /**
     * Start it, and wait until it answers.
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
     * Let it hang: its connections stay open and new ones are made, but nothing is answered.
     */
    public function hang(): void
    {
        $this->process->signal(SIGSTOP);
    }

    /**
     * Let it go on where it hung.
     */
    public function goOn(): void
    {
        $this->process->signal(SIGCONT);
    }

    /**
     * Kill it.
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

        // PHP waits for its end.
        unset($this->process);

        array_map(unlink(...), glob("{$this->folder}/{,appendonlydir/}*.*", GLOB_BRACE) ?: []);
        is_dir("{$this->folder}/appendonlydir") && rmdir("{$this->folder}/appendonlydir");
        rmdir($this->folder);
    }
}
