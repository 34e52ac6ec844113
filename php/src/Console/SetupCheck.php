<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\HostRelease;
use Webpatser\ResonateWebhooks\RemovedTransport;
use Webpatser\ResonateWebhooks\RosterSetup;
use Webpatser\ResonateWebhooks\WebhookPlugin;

/**
 * Looks at everything that has to fit together, from wherever it runs.
 */
final class SetupCheck
{
    /**
     * The version of the extension that this package was written for.
     */
    public const string EXTENSION = '0.1.0';

    /**
     * From how much on clocks differ too much, in milliseconds: receivers grant five minutes to a signature.
     */
    private const int SKEW = 2_000;

    private const int SKEW_FATAL = 120_000;

    /**
     * How long ago a refusal may be that is told of, in milliseconds.
     */
    private const int LATELY = 60_000;

    /**
     * What was found.
     *
     * @var list<array{level: 'ok'|'warning'|'error', subject: string, message: string, fix: string}>
     */
    private array $findings = [];

    /**
     * Whether a server with this config runs.
     */
    private bool $runs = false;

    /**
     * Create a new check.
     *
     * @param  array<string, mixed>  $settings  The `resonate-webhooks` config, with `app_webhooks`.
     */
    public function __construct(private readonly Cluster $cluster, private readonly array $settings)
    {
        //
    }

    /**
     * Look at everything, the errors of one part not hiding those of another.
     *
     * @return list<array{level: 'ok'|'warning'|'error', subject: string, message: string, fix: string}>
     */
    public function findings(): array
    {
        $this->findings = [];
        $this->extension();
        $usable = $this->config();
        $this->plugins();
        $status = $usable ? $this->redis() : null;

        if ($usable) {
            $this->endpoints($status['endpoints'] ?? []);
        }

        if ($status !== null) {
            $this->identity($status['identity']);
            $this->refusals();
            $this->keys($status['foreign_keys']);
            $this->persistence($status['redis']);
            $this->memory($status['redis']);
            $this->clocks($status);
            $this->nodes($status);
            $this->errors($status);
            $this->agreement($status['disagreements']);
        }

        return $this->findings;
    }

    /**
     * Whether a server was found running.
     */
    public function runs(): bool
    {
        return $this->runs;
    }

    /**
     * Whether the extension is the one that this package was written for.
     */
    private function extension(): void
    {
        $loaded = (string) phpversion('resonate_webhooks');
        $fix = 'Build and install both from the same checkout (make install), and restart the servers.';
        $series = fn (string $version) => implode('.', array_slice(explode('.', $version), 0, 2));

        $this->addResult('Extension', match (true) {
            $series($loaded) !== $series(self::EXTENSION) => ['error', "the extension is {$loaded}, the package was written for ".self::EXTENSION, $fix],
            $loaded !== self::EXTENSION => ['warning', "the extension is {$loaded}, the package was written for ".self::EXTENSION, $fix],
            default => null,
        });
    }

    /**
     * Check that the config can be used.
     */
    private function config(): bool
    {
        try {
            $warnings = array_map(fn (string $warning) => ['warning', $warning, ''], $this->cluster->warnings());
        } catch (WebhooksException $e) {
            $this->addResult('Config', ['error', $e->getMessage(), 'Correct config/resonate-webhooks.php; after config:cache, cache it again.']);

            return false;
        }

        $this->addResult('Config', ...$warnings ?: [null]);

        return true;
    }

    /**
     * Check that there are endpoints, in the config, from the provider, or known to the servers.
     *
     * @param  list<array<string, mixed>>  $known
     */
    private function endpoints(array $known): void
    {
        try {
            $known = [...$known, ...$this->cluster->configured()];
        } catch (EndpointProviderFailed $e) {
            $this->addResult('Endpoints', ['error', $e->getMessage(), 'Check that its database answers, and correct the endpoint that the message names. Running servers keep the endpoints that they have.']);

            return;
        }

        $this->addResult('Endpoints', $known === [] ? [
            'warning', 'there is no endpoint, so that nothing is sent', 'Add one to endpoints, or to what the EndpointProvider returns, and check that its environment variable is set.',
        ] : null);
    }

    /**
     * Whether plugin and roster are registered as they have to be.
     */
    private function plugins(): void
    {
        $plugins = (array) config('reverb.servers.reverb.plugins', []);
        $registered = array_any($plugins, fn (mixed $plugin) => is_string($plugin) && is_a($plugin, WebhookPlugin::class, true));

        $this->addResult('Plugin', ...array_values(array_filter([
            $registered ? null : [
                'error',
                'the webhooks plugin is missing in reverb.servers.reverb.plugins',
                'Add '.WebhookPlugin::class.'::class there, behind the roster plugin.',
            ],
            RemovedTransport::isBound() ? ['error', RemovedTransport::PROBLEM, RemovedTransport::REMEDY] : null,
        ])) ?: [null]);

        $this->addResult('Resonate', ($warning = HostRelease::warning()) === null ? null : [
            'warning', $warning, 'Update the package, or watch whether the webhooks come as they should.',
        ]);

        $mistakes = RosterSetup::mistakes($plugins, (array) config('resonate-roster', []), $this->settings);

        $this->addResult('Roster', ...array_map(fn (string $mistake) => ['warning', $mistake, match (true) {
            str_contains($mistake, 'missing'), str_contains($mistake, 'comes after') => 'List Webpatser\ResonateRoster\RedisRosterPlugin::class first in config/reverb.php.',
            str_contains($mistake, 'track') => "Set 'track' => 'all' in config/resonate-roster.php.",
            default => 'Give both the same Redis server and database.',
        }], $mistakes) ?: [null]);
    }

    /**
     * Whether Redis can be asked, and is one that can serve.
     *
     * @return array<string, mixed>|null
     */
    private function redis(): ?array
    {
        try {
            $status = $this->cluster->status();
        } catch (WebhooksException $e) {
            // A server that cannot serve, such as a cluster or one that is too old, is named together with the remedy.
            $this->addResult('Redis', ['error', $e->getMessage(), preg_match('/cannot be used|forbids a call|rejects a call: the key/', $e->getMessage()) ? '' : 'Correct resonate-webhooks.connection, or start Redis; servers wait for it.']);

            return null;
        }

        $this->addResult('Redis', $status['redis']['version'] === null
            ? ['warning', 'Redis may not be asked about itself (INFO), so that nothing more is known of it', 'Allow INFO to this user, or look yourself.']
            : null);

        return $status;
    }

    /**
     * Check that the data in Redis is this cluster's, in a schema that this version knows.
     *
     * @param  array<string, mixed>  $identity
     */
    private function identity(array $identity): void
    {
        $this->addResult('Cluster', $identity['mismatch'] === null ? null : [
            'error', $identity['mismatch'].'; its servers start no webhooks', $identity['remedy'].'.',
        ]);
    }

    /**
     * Check that Redis takes writes, and that its user may call every command that servers call.
     */
    private function refusals(): void
    {
        try {
            $refusals = $this->cluster->refusals();
        } catch (WebhooksException $e) {
            $this->addResult('Rights', ['error', $e->getMessage(), '']);

            return;
        }

        $this->addResult('Rights', $refusals['forbidden'] === [] ? null : [
            'error',
            'the user of Redis lacks rights: '.implode(', ', $refusals['forbidden']),
            'Give it these rights; docs/configuration.md lists all of them.',
        ]);

        $this->addResult('Writes', $refusals['writes'] === null ? null : ['error', "Redis {$refusals['writes']}", '']);
    }

    /**
     * Check that no other program has written a key of ours.
     *
     * @param  list<array{key: string, app_id: string|null, message: string}>  $foreign
     */
    private function keys(array $foreign): void
    {
        $this->addResult('Keys', ...array_map(fn (array $key) => [
            'error',
            $key['message'],
            $key['app_id'] === null
                ? 'Until then nothing that needs the key goes on; afterwards everything does.'
                : "Until then the events of application {$key['app_id']} wait; those of others do not.",
        ], $foreign) ?: [null]);
    }

    /**
     * Check that Redis has refused nothing to a running server lately.
     *
     * @param  array<string, mixed>  $status
     */
    private function errors(array $status): void
    {
        $verdicts = [];

        foreach ($status['nodes'] as $node) {
            if ($node['state'] !== 'running') {
                continue;
            }

            foreach ($node['redis_errors'] as $reason => $errors) {
                if ($errors['last_ms'] !== null && $status['time_ms'] - $errors['last_ms'] < self::LATELY) {
                    $verdicts[] = ['warning', "within the last minute, a request of {$node['node']} to Redis failed: {$reason} ({$errors['count']} since it started)", RedisRemedy::for($reason)];
                }
            }
        }

        $this->addResult('Requests', ...$verdicts ?: [null]);
    }

    /**
     * Check that the servers know the same applications and endpoints.
     *
     * @param  list<array{about: string, groups: list<list<string>>}>  $disagreements
     */
    private function agreement(array $disagreements): void
    {
        $this->addResult('Agreement', ...array_map(fn (array $disagreement) => [
            'warning',
            "servers have had different {$disagreement['about']} for more than ten minutes: "
                .implode('; and ', array_map(fn (array $nodes) => implode(', ', $nodes), $disagreement['groups'])),
            'Give all of them the same config, cache it again (config:cache) and restart them (resonate:restart).',
        ], $disagreements) ?: [null]);
    }

    /**
     * Whether Redis keeps what waits in it.
     *
     * @param  array<string, mixed>  $redis
     */
    private function persistence(array $redis): void
    {
        if ($redis['aof'] === null || (($this->settings['outbox'] ?? '') ?: 'redis') !== 'redis') {
            return;
        }

        $this->addResult('Persistence', match (true) {
            $redis['aof'] => null,
            $redis['rdb'] === false => ['warning', 'Redis keeps nothing on disk: when it ends, the events that wait in it are lost', 'Set "appendonly yes" in its config.'],
            default => ['warning', 'Redis saves snapshots only: when it crashes, the events since the last one are lost', 'Set "appendonly yes" in its config.'],
        });
    }

    /**
     * Whether Redis throws our keys away when its memory is full.
     *
     * @param  array<string, mixed>  $redis
     */
    private function memory(array $redis): void
    {
        $policy = $redis['maxmemory_policy'];

        if ($policy === null) {
            return;
        }

        $fix = 'Set "maxmemory-policy noeviction" in its config, or give the cache a Redis of its own.';
        $limited = (int) $redis['maxmemory'] > 0;

        $this->addResult('Eviction', match (true) {
            $policy === 'noeviction' => null,
            $limited && str_starts_with($policy, 'allkeys') => ['error', "when its memory is full, Redis throws away whatever it likes, waiting events too ({$policy})", $fix],
            default => ['warning', "when its memory is full, Redis may throw keys away ({$policy})".($limited ? '' : '; it has no limit now'), $fix],
        });
    }

    /**
     * Whether clocks agree: what is signed carries the time of the machine that signs.
     *
     * @param  array<string, mixed>  $status
     */
    private function clocks(array $status): void
    {
        $skews = ['this machine' => $status['clock_skew_ms']];

        foreach ($status['nodes'] as $node) {
            if ($node['state'] === 'running') {
                $skews[$node['host']] = $node['clock_skew_ms'];
            }
        }

        $wrong = array_filter($skews, fn (int $skew) => abs($skew) > self::SKEW);

        $this->addResult('Clocks', ...array_map(fn (string $where, int $skew) => [
            abs($skew) > self::SKEW_FATAL ? 'error' : 'warning',
            sprintf('the clock of %s is %.1f s %s that of Redis', $where, abs($skew) / 1000, $skew > 0 ? 'ahead of' : 'behind'),
            'Synchronise the clocks (NTP): receivers refuse signatures whose time is too far off.',
        ], array_keys($wrong), $wrong) ?: [null]);
    }

    /**
     * Whether the servers run the same version, all of them, and with descriptors of their own for webhooks.
     *
     * @param  array<string, mixed>  $status
     */
    private function nodes(array $status): void
    {
        $running = array_filter($status['nodes'], fn (array $node) => $node['state'] === 'running');
        $silent = array_filter($status['nodes'], fn (array $node) => $node['state'] === 'silent');
        $sharing = array_filter($running, fn (array $node) => $node['shares_descriptors']);
        $versions = array_unique(array_column($running, 'version'));
        $this->runs = $running !== [];
        $other = array_diff($versions, [phpversion('resonate_webhooks')]);

        $this->addResult('Servers', ...array_values(array_filter([
            $running === [] ? ['warning', 'no server with this config is running', 'Start one, and look for "webhooks are off" or "have not started" in its log.'] : null,
            $other === [] ? null : ['warning', 'servers run another version than this machine has: '.implode(', ', $other), 'Restart them after an update.'],
            $silent === [] ? null : ['warning', 'servers have fallen silent: '.implode(', ', array_column($silent, 'node')), 'See whether they live and reach Redis.'],
            $sharing === [] ? null : [
                'warning',
                'connections to endpoints take descriptors of servers, so that these hold fewer clients: '.implode(', ', array_column($sharing, 'node')),
                'Run them on Linux 5.9 or later, and let the seccomp profile of the container allow close_range.',
            ],
        ])) ?: [null]);
    }

    /**
     * Note what was found of a subject; null for nothing wrong.
     *
     * @param  array{0: 'warning'|'error', 1: string, 2: string}|null  ...$verdicts
     */
    private function addResult(string $subject, ?array ...$verdicts): void
    {
        foreach ($verdicts as $verdict) {
            [$level, $message, $fix] = $verdict ?? ['ok', '', ''];
            $this->findings[] = ['level' => $level, 'subject' => $subject, 'message' => $message, 'fix' => $fix];
        }
    }
}
