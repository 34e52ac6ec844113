<?php

declare(strict_types=1);

namespace Tests\Soak;

use Revolt\EventLoop;
use RuntimeException;
use Tests\Support\Process;
use Tests\Support\RedisServer;
use Tests\Support\Wait;

/**
 * A server with clients, its Redis, its receiver, and faults of both. It is sampled at intervals.
 */
final class Soak
{
    /**
     * The seconds between samples.
     */
    private const float EVERY = 2.0;

    /**
     * The seconds in which Redis and the receiver work again after the last fault.
     */
    private const float CALM_END = 15.0;

    private readonly RedisServer $redis;

    private readonly Receiver $receiver;

    private readonly Process $server;

    /**
     * @var resource
     */
    private readonly mixed $log;

    private readonly Faults $faults;

    /**
     * Start everything.
     */
    public function __construct(string $host, int $rate, private readonly int $seed)
    {
        // It keeps its data over a restart.
        $this->redis = new RedisServer('--save', '3600 1', '--dbfilename', 'soak-'.getmypid().'.rdb', '--enable-debug-command', 'yes');
        $this->receiver = new Receiver;
        $this->faults = new Faults($this->redis, $this->receiver, $seed);
        $this->log = tmpfile();
        $this->server = new Process([PHP_BINARY, ...Process::loadedByHand(), __DIR__."/{$host}-node.php"], $host, $this->log);
        $this->server->writeLine(json_encode(['rate' => $rate, 'seed' => $seed, 'webhooks' => [
            'cluster_name' => 'soak',
            'connection' => ['timeout' => 1] + $this->redis->connection(),
            'ttl' => 10,
            'flush_interval' => 0.1,
            'reconcile_interval' => 5,
            'timeout' => 2,
            'backoff' => 0.5,
            // A batch that is given up would stay in Redis.
            'max_attempts' => 1000,
            'endpoints' => [['url' => $this->receiver->url()]],
        ]], JSON_THROW_ON_ERROR));
        $this->server->readLine();
    }

    /**
     * Take samples for some seconds, while faults come and go.
     */
    public function run(float $seconds): Samples
    {
        $samples = new Samples;
        $begun = microtime(true);
        EventLoop::queue(fn () => $this->faults->run($begun + $seconds - self::CALM_END));

        while (($at = microtime(true) - $begun) < $seconds) {
            if (! $this->server->running()) {
                throw new RuntimeException("The server has ended:\n".$this->log());
            }

            $samples->add($at, $this->faults->current(), $this->sample());
            Wait::pause(self::EVERY);
        }

        $this->server->hangUp();
        $this->server->awaitEnd();

        return $samples;
    }

    /**
     * Get the counts of the run.
     */
    public function report(): string
    {
        return "{$this->faults->count} faults, {$this->receiver->requests} webhooks, seed {$this->seed}";
    }

    /**
     * Get the last lines that the server has logged.
     */
    public function log(): string
    {
        return implode(array_slice(file(stream_get_meta_data($this->log)['uri']) ?: [], -20));
    }

    /**
     * @return array<string, int|null>
     */
    private function sample(): array
    {
        $pid = $this->server->pid();
        preg_match_all('/^(VmRSS|Threads):\s*(\d+)/m', (string) file_get_contents("/proc/{$pid}/status"), $match);
        ['VmRSS' => $resident, 'Threads' => $threads] = array_combine($match[1], array_map(intval(...), $match[2]));

        return [
            'events' => $this->receiver->events,
            'resident' => $resident * 1024,
            'descriptors' => count(scandir("/proc/{$pid}/fd")) - 2,
            'threads' => $threads,
            'redis' => $this->faults->hasRedis() ? $this->usedByRedis() : null,
        ];
    }

    private function usedByRedis(): ?int
    {
        return preg_match('/^used_memory:(\d+)/m', $this->redis->command('INFO', 'memory')[0] ?? '', $match) === 1 ? (int) $match[1] : null;
    }
}
