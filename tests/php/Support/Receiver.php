<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A process that receives webhooks and records them.
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
        $this->port = (int) $this->process->readLine();
    }

    /**
     * Get the receiver that all tests share. Each test uses its own path.
     */
    public static function shared(): self
    {
        return self::$shared ??= new self;
    }

    /**
     * Get the URL of a path.
     */
    public function url(string $path): string
    {
        return "http://127.0.0.1:{$this->port}{$path}";
    }

    /**
     * Get the requests to a path.
     *
     * @return list<array{method: string, path: string, headers: array<string, string>, body: string, status: int}>
     */
    public function requests(string $path): array
    {
        // The rest after the last line break is an incomplete line.
        $lines = array_slice(explode("\n", (string) file_get_contents($this->log)), 0, -1);
        $requests = array_map(fn (string $line) => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines);

        return array_values(array_filter($requests, fn (array $request) => $request['path'] === $path));
    }

    /**
     * Get the events of the accepted requests to a path, in the order of arrival. The events of a repeated batch, with the same
     * ID, are included again unless repeats are left out.
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
