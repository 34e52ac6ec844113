<?php

declare(strict_types=1);

namespace Tests\Support;

use Illuminate\Filesystem\Filesystem;
use RuntimeException;

/**
 * A Laravel application that receives webhooks in its own web server, in a PHP without the extension.
 */
final class LaravelReceiver
{
    private readonly string $folder;

    private readonly int $port;

    private Process $process;

    /**
     * The process group of the server.
     */
    private int $group;

    /**
     * Start the server with some worker processes, and wait until it listens.
     */
    public function __construct(private readonly int $lockFor = 20)
    {
        $this->folder = sys_get_temp_dir().'/laravel-receiver-'.bin2hex(random_bytes(6));
        $this->port = FreePort::find();

        mkdir($this->folder);
        $this->start();
    }

    /**
     * Start the server again. The application keeps its cache.
     */
    public function start(): void
    {
        // PHP's server ignores the end of its stdin. A shell waits for that and stops the server with its workers.
        $this->process = new Process([
            'env', "RECEIVER_FOLDER={$this->folder}", "RECEIVER_LOCK_FOR={$this->lockFor}", 'PHP_CLI_SERVER_WORKERS=4',
            'sh', '-c', 'setsid "$@" >/dev/null 2>"$RECEIVER_FOLDER/stderr" & echo $!; cat >/dev/null; kill -- -$! 2>/dev/null; wait', 'sh',
            PHP_BINARY, ...Process::withoutExtension(), '-S', "127.0.0.1:{$this->port}", __DIR__.'/laravel-receiver.php',
        ], 'the Laravel receiver');
        $this->group = (int) $this->process->readLine();

        Wait::until(fn () => Quietly::call(stream_socket_client(...), "tcp://127.0.0.1:{$this->port}", timeout: 1), 'the Laravel receiver to listen');
    }

    /**
     * Kill the server.
     */
    public function kill(): void
    {
        posix_kill(-$this->group, SIGKILL);

        $this->process->hangUp();
        $this->process->awaitEnd();

        // Its port stays in use until the last worker has ended.
        Wait::until(fn () => ! posix_kill(-$this->group, 0), 'the end of the Laravel receiver and its workers');
    }

    /**
     * Get the URL of a path.
     */
    public function url(string $path = '/webhooks'): string
    {
        return "http://127.0.0.1:{$this->port}{$path}";
    }

    /**
     * Make the listeners `fail` or `wait`, or not any longer.
     */
    public function setListeners(string $behaviour, bool $enabled = true): void
    {
        $enabled ? touch("{$this->folder}/{$behaviour}") : unlink("{$this->folder}/{$behaviour}");
    }

    /**
     * Get the results of the listeners so far: `handled`, `waits` or `failed`.
     *
     * @return list<array{result: string, class: string, webhook: ?string, app: string, payload: array<string, mixed>, extension: bool}>
     */
    public function results(string $result = 'handled'): array
    {
        $lines = is_file("{$this->folder}/log") ? file("{$this->folder}/log", FILE_IGNORE_NEW_LINES) : [];
        $results = array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines ?: []);

        return array_values(array_filter($results, fn (array $event) => $event['result'] === $result));
    }

    /**
     * Start a POST.
     *
     * @param  array<string, string>  $headers
     * @return resource
     */
    public function post(string $path, array $headers, string $body): mixed
    {
        $socket = stream_socket_client("tcp://127.0.0.1:{$this->port}", timeout: 5) ?: throw new RuntimeException('no receiver');
        $lines = ["POST {$path} HTTP/1.1", 'Host: localhost', 'Connection: close', 'Content-Length: '.strlen($body)];

        foreach ($headers as $name => $value) {
            $lines[] = "{$name}: {$value}";
        }

        fwrite($socket, implode("\r\n", $lines)."\r\n\r\n{$body}");

        return $socket;
    }

    /**
     * Get the status of the response to a POST; 0 if the connection ends without one.
     *
     * @param  resource  $socket
     */
    public function status(mixed $socket): int
    {
        stream_set_timeout($socket, 20);

        return (int) substr((string) fgets($socket), 9, 3);
    }

    public function __destruct()
    {
        $this->process->hangUp();
        $this->process->awaitEnd();

        (new Filesystem)->deleteDirectory($this->folder);
    }
}
