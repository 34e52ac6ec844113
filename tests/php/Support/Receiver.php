<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A process that receives webhooks, and the record of what came.
 */
final class Receiver
{
    private static ?self $shared = null;

    private Process $process;

    private string $log;

    public readonly int $port;

    /**
     * Start a receiver.
     */
    public function __construct()
    {
        $this->log = (string) tempnam(sys_get_temp_dir(), 'webhooks-received-');
        $this->process = Process::php('receiver.php', 'the webhook receiver', $this->log);
        $this->port = (int) $this->process->hear();
    }

    /**
     * The receiver that all tests share, each with a path of its own.
     */
    public static function shared(): self
    {
        return self::$shared ??= new self;
    }

    /**
     * The URL of a path.
     */
    public function url(string $path): string
    {
        return "http://127.0.0.1:{$this->port}{$path}";
    }

    /**
     * The requests that came to a path.
     *
     * @return list<array{method: string, path: string, headers: array<string, string>, body: string, status: int}>
     */
    public function requests(string $path): array
    {
        // What follows the last line break is a line still being written.
        $lines = array_slice(explode("\n", (string) file_get_contents($this->log)), 0, -1);
        $requests = array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines);

        return array_values(array_filter($requests, fn (array $request) => $request['path'] === $path));
    }

    /**
     * The events in the requests that were accepted on a path, in the order in which they came. Those of a batch that came
     * again, with the id that it had, count once more unless repeats are left out.
     *
     * @return list<array<string, mixed>>
     */
    public function events(string $path, bool $repeats = true): array
    {
        $accepted = array_filter($this->requests($path), fn (array $request) => $request['status'] === 200);

        if (! $repeats) {
            $ids = array_map(fn (array $request) => $request['headers']['webhook-id'], $accepted);
            $accepted = array_intersect_key($accepted, array_unique($ids));
        }

        return array_merge(...array_map(
            fn (array $request) => json_decode($request['body'], true, flags: JSON_THROW_ON_ERROR)['events'],
            array_values($accepted),
        ));
    }
}
