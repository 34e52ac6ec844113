<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A Resonate or Reverb node in its own process, with clients that obey commands.
 */
final class Node
{
    private Process $process;

    /**
     * The file that its stderr goes to.
     *
     * @var resource
     */
    private $lastWords;

    /**
     * Start a node and wait until its plugins have booted.
     *
     * @param  array<string, mixed>  $webhooks
     * @param  list<array<string, mixed>>  $apps
     * @param  float  $drain  Seconds that clients have after a SIGUSR2.
     * @param  list<string>  $through  A command that executes the rest of its arguments.
     * @param  string|null  $folder  The application to serve, instead of one with `$webhooks` and `$apps`.
     * @param  string  $script  The script that serves it: `node.php` or `reverb-node.php`.
     * @param  list<string>  $with  The additions of the application; see `reverb-node.php`.
     */
    public function __construct(
        array $webhooks = [],
        array $apps = [],
        float $drain = 30.0,
        array $through = [],
        ?string $folder = null,
        string $script = 'node.php',
        array $with = [],
    ) {
        $this->lastWords = tmpfile();
        $this->process = Process::php($script, 'a node', stderr: $this->lastWords, through: $through);
        $this->process->writeLine((string) json_encode(compact('webhooks', 'apps', 'drain', 'folder', 'with')));
        $this->process->readLine();
    }

    /**
     * Connect a client and return its socket ID.
     */
    public function connect(string $client, string $appKey = 'key-1'): string
    {
        return $this->command($client, 'connect', $appKey);
    }

    /**
     * Send a command to a client or, without one, to the server.
     */
    public function command(?string $client, string $method, mixed ...$arguments): mixed
    {
        $this->process->writeLine((string) json_encode(['client' => $client, 'do' => $method, 'with' => $arguments]));

        return json_decode($this->process->readLine(), true, flags: JSON_THROW_ON_ERROR);
    }

    /**
     * Stop the node gracefully, and return the lines of its Laravel log.
     *
     * @return list<string>
     */
    public function stop(): array
    {
        $this->process->hangUp();

        return $this->process->rest();
    }

    /**
     * End the node by a signal, and return the lines of its output, which include that of its traffic.
     *
     * @return list<string>
     */
    public function endBy(int $signal): array
    {
        $this->process->signal($signal);

        return $this->process->rest();
    }

    /**
     * Wait until the node ends without a signal, and return the lines of its output.
     *
     * @return list<string>
     */
    public function rest(): array
    {
        return $this->process->rest();
    }

    /**
     * Get the exit code.
     */
    public function exitCode(): int
    {
        return $this->process->exitCode();
    }

    /**
     * Get the output of the node on stderr.
     */
    public function errorOutput(): string
    {
        // The file is opened again, because the node's writes have moved the position of the shared handle.
        return (string) file_get_contents(stream_get_meta_data($this->lastWords)['uri']);
    }

    /**
     * Kill the node.
     */
    public function kill(): void
    {
        $this->process->signal(SIGKILL);
        $this->process->awaitEnd();
    }

    /**
     * Kill the node, so that it does not outlive its test.
     */
    public function __destruct()
    {
        if ($this->process->running()) {
            $this->process->signal(SIGKILL);
        }
    }
}
