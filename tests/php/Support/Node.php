<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A Resonate node, or one of Reverb, in a process of its own, with clients to command.
 */
final class Node
{
    private Process $process;

    /**
     * Where it writes what it says on stderr.
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
     * @param  string|null  $folder  The application to serve, in place of one that is made of `$webhooks` and `$apps`.
     * @param  string  $script  What serves it: `node.php` or `reverb-node.php`.
     * @param  list<string>  $with  What the application has of its own, see `reverb-node.php`.
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
        $this->process->say((string) json_encode(compact('webhooks', 'apps', 'drain', 'folder', 'with')));
        $this->process->hear();
    }

    /**
     * Connect a client and return its socket id.
     */
    public function connect(string $client, string $appKey = 'key-1'): string
    {
        return $this->command($client, 'connect', $appKey);
    }

    /**
     * Have a client, or without one the server, do something.
     */
    public function command(?string $client, string $method, mixed ...$arguments): mixed
    {
        $this->process->say((string) json_encode(['client' => $client, 'do' => $method, 'with' => $arguments]));

        return json_decode($this->process->hear(), true, flags: JSON_THROW_ON_ERROR);
    }

    /**
     * Stop the node in good order, and return the lines of its Laravel log.
     *
     * @return list<string>
     */
    public function stop(): array
    {
        $this->process->hangUp();

        return $this->process->rest();
    }

    /**
     * Send the node a signal upon which it ends, and return the lines of its output; at least that of its traffic.
     *
     * @return list<string>
     */
    public function endBy(int $signal): array
    {
        $this->process->signal($signal);

        return $this->process->rest();
    }

    /**
     * The lines that it still says until it has ended by itself.
     *
     * @return list<string>
     */
    public function rest(): array
    {
        return $this->process->rest();
    }

    /**
     * The code with which it ended.
     */
    public function exitCode(): int
    {
        return $this->process->exitCode();
    }

    /**
     * What the node has said on stderr.
     */
    public function lastWords(): string
    {
        // Opened anew: the node's writing has moved our own place in it.
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
     * Let no node outlive its test, however it feels about that.
     */
    public function __destruct()
    {
        if ($this->process->running()) {
            $this->process->signal(SIGKILL);
        }
    }
}
