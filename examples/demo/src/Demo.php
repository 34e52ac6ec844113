<?php

declare(strict_types=1);

namespace Demo;

use Tests\Support\Checker;
use Tests\Support\Crowd;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\Wait;

/**
 * Runs two nodes, a receiver, and a crowd of clients in each of two applications with the same channel names. One node is
 * killed.
 */
final class Demo
{
    private const array APPS = ['plaza', 'harbour'];

    private const string PATH = '/webhooks';

    /**
     * The lease of a node in seconds. The default of 90 would make the demo too long.
     */
    private const int LEASE = 3;

    /**
     * The turns of each crowd before the crash.
     */
    private const int TURNS = 10;

    /**
     * The seconds within which every event must arrive after the crowds have stopped.
     */
    private const float PATIENCE = 15.0;

    /**
     * The seconds at the end in which nothing more may arrive.
     */
    private const float SILENCE = 1.0;

    /**
     * The number of masters of the Redis Cluster.
     */
    private const int MASTERS = 3;

    /**
     * One server, or the masters of a Redis Cluster.
     *
     * @var non-empty-list<RedisServer>
     */
    private readonly array $redis;

    private readonly Receiver $receiver;

    /**
     * @var list<Node>
     */
    private array $nodes = [];

    /**
     * @var array<string, Crowd> by application
     */
    private array $crowds = [];

    private int $shown = 0;

    /**
     * @param  string  $host  `resonate` or `reverb`.
     * @param  string|null  $endpoint  The URL of another receiver, which gets every webhook too.
     * @param  bool  $cluster  Whether Redis is a Redis Cluster.
     */
    public function __construct(private readonly Screen $screen, private readonly string $host, private readonly ?string $endpoint, private readonly bool $cluster = false) {}

    /**
     * Run the actions of a seed. Returns true if every event arrived exactly once, in order, and signed.
     */
    public function run(int $seed): bool
    {
        $this->start();

        foreach (self::APPS as $n => $app) {
            $this->crowds[$app] = new Crowd(array_map(fn (Node $node) => fn () => $node->connect($app), $this->nodes), $seed + $n);
        }

        $this->screen->line("-- 60 clients connect, subscribe, whisper and leave, by seed {$seed}", Screen::DIM);
        $this->play(self::TURNS, 0.05);

        $this->screen->line('-- node 2 is killed', Screen::DIM);
        $this->end(1, SIGKILL);
        $this->play(self::LEASE + 1, 1.0);
        $this->settle();

        $this->screen->line('-- node 1 is stopped', Screen::DIM);
        $this->end(0, SIGTERM);
        $this->settle();
        Wait::pause(self::SILENCE);
        $this->show();

        return $this->conclude();
    }

    /**
     * Get the logs of the nodes.
     */
    public function logs(): string
    {
        return implode("\n", array_map(fn (Node $node) => "{$node->name}:\n{$node->log()}", $this->nodes));
    }

    private function start(): void
    {
        $this->redis = $this->cluster ? RedisServer::cluster(self::MASTERS) : [new RedisServer];
        $ports = array_map(fn (RedisServer $server) => $server->port, $this->redis);
        $this->receiver = new Receiver;
        $this->screen->line('redis     port '.implode(', ', $ports).($this->cluster ? ' of a Redis Cluster' : ''));
        $this->screen->line("receiver  {$this->receiver->url(self::PATH)}".($this->endpoint === null ? '' : ", and {$this->endpoint}"));

        $urls = array_filter([$this->receiver->url(self::PATH), $this->endpoint]);

        foreach (['node 1', 'node 2'] as $name) {
            $this->nodes[] = $node = new Node($this->host, $name, [
                'connection' => ['timeout' => 1] + ($this->cluster
                    ? ['cluster' => array_map(fn (int $port) => "127.0.0.1:{$port}", $ports)]
                    : $this->redis[0]->connection()),
                'ttl' => self::LEASE,
                'flush_interval' => 0.1,
                'shutdown_timeout' => 2.0,
                'endpoints' => array_map(fn (string $url) => ['url' => $url], array_values($urls)),
            ], self::APPS);
            $this->screen->line("{$name}    pid {$node->pid()}, ".sprintf(
                Node::isReal($this->host) ? '%s with WebSocket clients' : 'a stand-in for %s', ucfirst($this->host),
            ));
        }
    }

    /**
     * Run turns of the crowds, and show the events that arrive meanwhile.
     */
    private function play(int $turns, float $pause): void
    {
        for (; $turns > 0; $turns--) {
            foreach ($this->crowds as $crowd) {
                $crowd->play(1, $pause / count($this->crowds));
            }

            $this->show();
        }
    }

    private function end(int $node, int $signal): void
    {
        $this->nodes[$node]->end($signal);

        foreach ($this->crowds as $crowd) {
            $crowd->nodeEnded($node, killed: $signal === SIGKILL);
        }
    }

    /**
     * Wait until no event is missing.
     */
    private function settle(): void
    {
        $deadline = microtime(true) + self::PATIENCE;

        do {
            Wait::pause(0.05);
            $this->show();
            $missing = array_merge(...array_map(fn (Checker $checker) => $checker->faults[Checker::MISSING], array_values($this->check())));
        } while ($missing !== [] && microtime(true) < $deadline);
    }

    /**
     * Print the events that have arrived since the last time.
     */
    private function show(): void
    {
        foreach (array_slice($this->receiver->requests(self::PATH), $this->shown) as ['headers' => $headers, 'body' => $body, 'at' => $at]) {
            $this->shown++;
            ['time_ms' => $time, 'events' => $events] = json_decode($body, true, flags: JSON_THROW_ON_ERROR);

            foreach ($events as $event) {
                $this->screen->event(substr($headers['x-pusher-key'], strlen('key-')), $event, $at, $at * 1000 - $time);
            }
        }
    }

    /**
     * @return array<string, Checker> by application
     */
    private function check(): array
    {
        $requests = $this->receiver->requests(self::PATH);
        $checkers = [];

        foreach ($this->crowds as $app => $crowd) {
            $checkers[$app] = new Checker($requests, "key-{$app}", "secret-{$app}")->check($crowd);
        }

        return $checkers;
    }

    private function conclude(): bool
    {
        $checkers = $this->check();
        $counts = ['events' => array_sum(array_map(fn (Checker $checker) => array_sum(array_map(count(...), $checker->arrived)), $checkers))];

        foreach ($checkers as $app => $checker) {
            foreach ($checker->faults as $kind => $faults) {
                $counts[$kind] = ($counts[$kind] ?? 0) + count($faults);
                array_map(fn (string $fault) => $this->screen->line("{$kind} in {$app}: {$fault}", Screen::RED), $faults);
            }
        }

        $hooks = array_merge(...array_map(fn (Node $node) => $node->hooks, $this->nodes));
        sort($hooks);
        $quantile = fn (float $part): string => sprintf('%.1f µs', $hooks[(int) ((count($hooks) - 1) * $part)]);
        $repeats = array_sum(array_map(fn (Checker $checker) => $checker->repeats, $checkers));
        $passed = array_sum($counts) === $counts['events'];
        $summary = array_map(fn (string $what, int $count) => "{$count} {$what}", array_keys($counts), $counts);

        $this->screen->line('hooks: '.count($hooks)." calls, median {$quantile(0.5)}, p99 {$quantile(0.99)}, longest {$quantile(1)}");
        $this->screen->line("webhooks: {$this->shown}, {$repeats} of them sent again, ".($counts[Checker::ALTERED] === 0 ? 'every signature right' : 'NOT every signature right'));
        $this->screen->line('demo: '.implode(', ', $summary), $passed ? Screen::GREEN : Screen::RED);

        return $passed;
    }
}
