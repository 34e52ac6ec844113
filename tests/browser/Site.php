<?php

declare(strict_types=1);

namespace Tests\Browser;

use Illuminate\Filesystem\Filesystem;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Tests\Support\Wait;

/**
 * A Laravel application with the dashboard, in its own web server.
 */
final class Site
{
    private readonly Process $process;

    private readonly string $folder;

    public readonly int $port;

    /**
     * Start the server and wait until it listens.
     *
     * @param  array<string, mixed>  $webhooks
     */
    public function __construct(array $webhooks)
    {
        $this->port = FreePort::find();
        $this->folder = sys_get_temp_dir().'/webhooks-site-'.bin2hex(random_bytes(6));
        mkdir($this->folder);

        // PHP's server ignores the end of its stdin. A shell waits for that and stops the server with its workers.
        $this->process = new Process([
            'env', 'SITE_CONFIG='.json_encode($webhooks), "SITE_SESSIONS={$this->folder}", 'PHP_CLI_SERVER_WORKERS=2',
            'sh', '-c', 'setsid "$@" >/dev/null 2>"$SITE_SESSIONS/stderr" & cat >/dev/null; kill -- -$!; wait', 'sh',
            PHP_BINARY, ...Process::loadedByHand(), '-S', "127.0.0.1:{$this->port}", __DIR__.'/site.php',
        ], 'the site');

        Wait::until(fn () => @stream_socket_client("tcp://127.0.0.1:{$this->port}", timeout: 1), 'the site to listen');
    }

    /**
     * Get the URL of a path of the dashboard.
     */
    public function url(string $path = ''): string
    {
        return "http://127.0.0.1:{$this->port}/resonate-webhooks{$path}";
    }

    public function __destruct()
    {
        $this->process->hangUp();
        $this->process->awaitEnd();

        (new Filesystem)->deleteDirectory($this->folder);
    }
}
