<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Webpatser\ResonateWebhooks\Extension;
use Webpatser\ResonateWebhooks\Support\Format;
use Webpatser\ResonateWebhooks\Support\NodeState;

/**
 * Checks the cluster by its status.
 *
 * @phpstan-import-type Problem from SetupCheck
 */
final readonly class StatusCheck
{
    /**
     * The clock skew that is a warning, in milliseconds.
     */
    public const int SKEW_WARNING = 2_000;

    /**
     * The clock skew that is an error, in milliseconds. Receivers accept signatures within five minutes.
     */
    private const int SKEW_ERROR = 120_000;

    /**
     * The age, in milliseconds, up to which a failed Redis request is reported.
     */
    private const int RECENT = 60_000;

    /**
     * Create a new check.
     *
     * @param  array<string, mixed>  $status  The status of the cluster.
     */
    public function __construct(private array $status)
    {
        //
    }

    /**
     * Check that the data in Redis belongs to this application and has a supported schema.
     *
     * @return iterable<Problem>
     */
    public function identity(): iterable
    {
        ['mismatch' => $mismatch, 'remedy' => $fix] = $this->status['identity'];

        if ($mismatch !== null) {
            yield [CheckResult::Error, "{$mismatch}; servers with this config start no webhooks", "{$fix}."];
        }
    }

    /**
     * Check that no key of the package has a foreign type.
     *
     * @return iterable<Problem>
     */
    public function keys(): iterable
    {
        foreach ($this->status['foreign_keys'] as $key) {
            yield [CheckResult::Error, $key['message'], $key['app_id'] === null
                ? 'Operations that need this key wait until then.'
                : "The events of application {$key['app_id']} wait until then; other applications are not affected."];
        }
    }

    /**
     * Check that every shard answers, and that the servers of the Redis Cluster work. Without a problem, the result names the
     * servers of our slot, or says how many there are.
     *
     * @return iterable<Problem>
     */
    public function shards(): iterable
    {
        $cluster = $this->status['redis']['cluster'];
        $summary = Format::shards($this->status);

        foreach ($this->status['shards'] as $shard) {
            if ($shard['error'] !== null) {
                yield [CheckResult::Error, "Shard {$shard['shard']} does not answer: {$shard['error']}", $shard['shard'] === 0
                    ? 'Its channels wait until then; those of other shards are not affected. It also has the reports of the servers, which are not checked.'
                    : 'Its channels wait until then; those of other shards are not affected.'];
            }
        }

        if (count($this->status['shards']) > 1 && $this->status['redis']['full_coverage'] === true) {
            yield [CheckResult::Warning, 'One slot without a master stops the whole Redis Cluster, and so all shards', 'Set "cluster-require-full-coverage no" in the config of its servers.'];
        }

        yield match (true) {
            ($cluster['down'] ?? []) !== [] => [CheckResult::Warning, $summary, 'Start these servers, or remove them with CLUSTER FORGET.'],
            $cluster !== null && ! array_all($this->status['shards'], fn (array $shard) => $shard['replicas'] !== []) => [CheckResult::Warning, $summary, count($this->status['shards']) === 1
                ? 'Add a replica: without one, webhooks wait while the master is down.'
                : 'Add a replica to each master: without one, the webhooks of its shards wait while it is down.'],
            default => [CheckResult::Ok, $summary, ''],
        };
    }

    /**
     * Check that Redis persists the outbox.
     *
     * @return iterable<Problem>
     */
    public function persistence(): iterable
    {
        ['aof' => $aof, 'rdb' => $rdb] = $this->status['redis'];

        if (! $aof) {
            yield [
                CheckResult::Warning,
                $rdb === false
                    ? 'Redis does not persist its data: when it stops, events in the outbox are lost'
                    : 'Redis persists snapshots only: when it crashes, events since the last snapshot are lost',
                'Set "appendonly yes" in the config of Redis.',
            ];
        }
    }

    /**
     * Check that Redis does not evict keys when its memory is full.
     *
     * @return iterable<Problem>
     */
    public function eviction(): iterable
    {
        ['maxmemory_policy' => $policy, 'maxmemory' => $limit] = $this->status['redis'];

        if ($policy === 'noeviction') {
            return;
        }

        $limited = (int) $limit > 0;

        [$result, $message] = $limited && str_starts_with($policy, 'allkeys')
            ? [CheckResult::Error, "when its memory is full, Redis evicts any key, including events in the outbox ({$policy})"]
            : [CheckResult::Warning, "when its memory is full, Redis may evict keys ({$policy})".($limited ? '' : '; it has no memory limit now')];

        yield [$result, $message, 'Set "maxmemory-policy noeviction" in the config of Redis, or use a separate Redis for the cache.'];
    }

    /**
     * Check that the clocks agree, since a signature has the time of the machine that signs.
     *
     * @return iterable<Problem>
     */
    public function clocks(): iterable
    {
        $skews = ['this machine' => $this->status['clock_skew_ms']]
            + array_column(NodeState::Running->of($this->status), 'clock_skew_ms', 'host');

        foreach ($skews as $machine => $skew) {
            if (abs($skew) > self::SKEW_WARNING) {
                yield [
                    abs($skew) > self::SKEW_ERROR ? CheckResult::Error : CheckResult::Warning,
                    "the clock of {$machine} is ".Format::clockSkew($skew).($skew > 0 ? ' of Redis' : ' Redis'),
                    'Synchronize the clocks (NTP). Receivers reject signatures whose timestamp is too far off.',
                ];
            }
        }
    }

    /**
     * Check that servers run, report, have the version of this machine, and share no file descriptors with webhooks.
     *
     * @return iterable<Problem>
     */
    public function servers(): iterable
    {
        if (NodeState::unknown($this->status) !== null) {
            return;
        }

        $running = NodeState::Running->of($this->status);
        $silent = NodeState::Silent->of($this->status);
        $otherVersions = array_diff(array_unique(array_column($running, 'version')), [Extension::version()]);
        $sharing = array_filter($running, fn (array $node) => $node['shares_descriptors']);

        if ($running === []) {
            yield [CheckResult::Warning, 'no running servers found', 'Start a server, and look for "webhooks are off" or "have not started" in its log.'];
        }

        if ($otherVersions !== []) {
            yield [CheckResult::Warning, 'servers run another version than this machine: '.implode(', ', $otherVersions), 'Restart the servers after an update.'];
        }

        if ($silent !== []) {
            yield [CheckResult::Warning, 'servers have stopped reporting: '.implode(', ', array_column($silent, 'node')), 'Check that they are running and can reach Redis.'];
        }

        if ($sharing !== []) {
            yield [
                CheckResult::Warning,
                'webhooks use file descriptors of these servers, which leaves fewer for clients: '.implode(', ', array_column($sharing, 'node')),
                'Run the servers on Linux 5.9 or later, and allow close_range in the seccomp profile of the container.',
            ];
        }
    }

    /**
     * Check that every process of a scaled Reverb has webhooks.
     *
     * @param  int  $processes  Those that share Reverb's scaling channel.
     * @return iterable<Problem>
     */
    public function scaling(int $processes): iterable
    {
        $running = count(NodeState::Running->of($this->status));

        if ($processes > $running && NodeState::unknown($this->status) === null) {
            yield [
                CheckResult::Warning,
                "{$processes} Reverb processes share the scaling channel, but only {$running} of them have webhooks, so the clients of the others cause no events",
                'Run all of them with the same config and the extension, and look for "webhooks are off" in their logs.',
            ];
        }
    }

    /**
     * Check that no Redis request of a running server has failed recently.
     *
     * @return iterable<Problem>
     */
    public function requests(): iterable
    {
        foreach (NodeState::Running->of($this->status) as $node) {
            foreach ($node['redis_errors'] as $reason => $errors) {
                if ($errors['last_ms'] !== null && $this->status['time_ms'] - $errors['last_ms'] < self::RECENT) {
                    yield [
                        CheckResult::Warning,
                        "a Redis request of {$node['node']} failed within the last minute: {$reason} ({$errors['count']} since it started)",
                        RedisErrorReason::fixFor($reason),
                    ];
                }
            }
        }
    }

    /**
     * Check that all servers have the same applications and endpoints.
     *
     * @return iterable<Problem>
     */
    public function agreement(): iterable
    {
        foreach ($this->status['disagreements'] as $disagreement) {
            yield [
                CheckResult::Warning,
                "servers have had different {$disagreement['about']} for more than ten minutes: "
                    .implode('; and ', array_map(fn (array $nodes) => implode(', ', $nodes), $disagreement['groups'])),
                'Give all servers the same config, cache it again (config:cache), and restart them (resonate:restart or reverb:restart).',
            ];
        }
    }
}
