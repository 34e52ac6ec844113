<?php

declare(strict_types=1);

namespace Demo;

use Laravel\Reverb\Servers\Reverb\Factory;
use RuntimeException;
use Tests\Support\FreePort;
use Tests\Support\Process;
use Webpatser\Resonate\Console\Commands\StartServer;

/**
 * The process of a node, and the hooks that it reports.
 */
final class Node
{
    /**
     * The duration of each hook, in microseconds.
     *
     * @var list<float>
     */
    public private(set) array $hooks = [];

    public readonly int $port;

    private readonly Process $process;

    /**
     * @var resource
     */
    private readonly mixed $log;

    /**
     * Start the process.
     *
     * @param  string  $host  `resonate` or `reverb`.
     * @param  array<string, mixed>  $webhooks  The `resonate-webhooks` config.
     * @param  list<string>  $apps
     */
    public function __construct(private readonly string $host, public readonly string $name, array $webhooks, array $apps)
    {
        $this->port = FreePort::find();
        $this->log = tmpfile();
        $this->process = new Process([PHP_BINARY, ...Process::loadedByHand(), dirname(__DIR__)."/{$host}-node.php"], $name, $this->log);
        $this->process->writeLine(json_encode(compact('webhooks', 'apps') + ['port' => $this->port], JSON_THROW_ON_ERROR));
    }

    /**
     * Determine if the real host is installed. Its clients connect by WebSocket.
     */
    public static function isReal(string $host): bool
    {
        return match ($host) {
            'resonate' => class_exists(StartServer::class),
            'reverb' => getenv('REVERB_AUTOLOAD') !== false || class_exists(Factory::class),
        };
    }

    /**
     * Connect a client to an application.
     */
    public function connect(string $app): PusherClient
    {
        if (self::isReal($this->host)) {
            $socket = new WebSocket($this->port, "/app/key-{$app}?protocol=7&client=demo&version=1");

            return new PusherClient($this, $app, $socket->awaitMatch('/socket_id\\\\":\\\\"([\d.]+)/'), $socket->send(...));
        }

        $this->tell(null, "key-{$app}");
        $id = $this->await('connected');

        return new PusherClient($this, $app, $id, fn (?string $message) => $this->tell($id, $message));
    }

    /**
     * Wait until the plugin has handled a hook of the given client, or of any client without one.
     *
     * @return string The ID of the client.
     */
    public function await(string $hook, ?string $client = null, ?string $channel = null): string
    {
        do {
            try {
                [$name, $id, $where, $microseconds] = json_decode($this->process->readLine(), true, flags: JSON_THROW_ON_ERROR);
            } catch (RuntimeException $e) {
                throw new RuntimeException("{$e->getMessage()} of {$hook}", previous: $e);
            }

            if ($microseconds !== null) {
                $this->hooks[] = $microseconds;
            }
        } while ($name !== $hook || $id !== ($client ?? $id) || $where !== $channel);

        return $id;
    }

    /**
     * Kill the node with SIGKILL, or stop it gracefully with SIGTERM.
     */
    public function end(int $signal): void
    {
        $this->process->signal($signal);
        $this->process->rest();
    }

    public function pid(): int
    {
        return $this->process->pid();
    }

    /**
     * Get the log of the node.
     */
    public function log(): string
    {
        return (string) file_get_contents(stream_get_meta_data($this->log)['uri']);
    }

    private function tell(?string $client, ?string $message): void
    {
        $this->process->writeLine(json_encode(compact('client', 'message'), JSON_THROW_ON_ERROR));
    }

    public function __destruct()
    {
        if ($this->process->running()) {
            $this->process->signal(SIGKILL);
        }
    }
}
