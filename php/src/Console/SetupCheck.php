<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Exceptions\EndpointProviderFailed;
use Webpatser\ResonateWebhooks\Exceptions\RedisMisconfigured;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Extension;
use Webpatser\ResonateWebhooks\Reverb\ReverbScaling;
use Webpatser\ResonateWebhooks\Reverb\ReverbSetup;
use Webpatser\ResonateWebhooks\Support\NodeState;

/**
 * Checks the whole setup, from any machine that reaches Redis.
 *
 * @phpstan-type Problem array{CheckResult, string, string}
 */
final class SetupCheck
{
    /**
     * The findings so far.
     *
     * @var list<Finding>
     */
    private array $findings = [];

    /**
     * The status of the cluster, once Redis has answered.
     *
     * @var array<string, mixed>|null
     */
    private ?array $status = null;

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
     * Run all checks. An error in one of them does not hide the results of the others.
     *
     * @return list<Finding>
     */
    public function findings(): array
    {
        $this->findings = [];
        $this->status = null;

        $this->addResult('Extension', $this->extension());
        $usable = $this->addResult('Config', $this->config());

        foreach ((new HostCheck($this->settings))->problems() as $subject => $problems) {
            $this->addResult($subject, $problems);
        }

        if ($usable) {
            $this->addResult('Redis', $this->redis());
            $this->addResult('Endpoints', $this->endpoints());
        }

        if ($this->status !== null) {
            $this->addStatusResults(new StatusCheck($this->status));
        }

        return $this->findings;
    }

    /**
     * Determine if a server with this config is running.
     */
    public function foundRunningServer(): bool
    {
        return $this->status !== null && NodeState::Running->of($this->status) !== [];
    }

    /**
     * Add the results that depend on the status of the cluster.
     */
    private function addStatusResults(StatusCheck $check): void
    {
        $redis = $this->status['redis'];

        $this->addResult('Cluster', $check->identity());

        if ($redis['cluster'] !== null || count($this->status['shards']) > 1) {
            $this->addResult($redis['cluster'] === null ? 'Shards' : 'Redis Cluster', $check->shards());
        }

        $this->addPermissions();
        $this->addResult('Keys', $check->keys());

        if ($redis['aof'] !== null) {
            $this->addResult('Persistence', $check->persistence());
        }

        if ($redis['maxmemory_policy'] !== null) {
            $this->addResult('Eviction', $check->eviction());
        }

        $this->addResult('Clocks', $check->clocks());
        $this->addResult('Servers', $check->servers());

        if (ReverbSetup::isInstalled() && ($processes = ReverbScaling::processes()) !== null) {
            $this->addResult('Scaling', $check->scaling($processes));
        }

        $this->addResult('Requests', $check->requests());
        $this->addResult('Agreement', $check->agreement());
    }

    /**
     * Add the result of a check: its problems, or OK when it has none. Returns false on an error.
     *
     * @param  iterable<Problem>  $problems
     */
    private function addResult(string $subject, iterable $problems): bool
    {
        $results = [];

        foreach ($problems as [$result, $message, $fix]) {
            $results[] = $result;
            $this->findings[] = new Finding($result, $subject, $message, $fix);
        }

        if ($results === []) {
            $this->findings[] = new Finding(CheckResult::Ok, $subject);
        }

        return ! in_array(CheckResult::Error, $results, true);
    }

    /**
     * Check that the extension has the version that this package was written for. Another minor version is refused earlier.
     *
     * @return iterable<Problem>
     */
    private function extension(): iterable
    {
        if (Extension::version() !== Extension::VERSION) {
            yield [
                CheckResult::Warning,
                'the extension has version '.Extension::version().', but this package was written for '.Extension::VERSION,
                'Install the same release of both, and restart the servers.',
            ];
        }
    }

    /**
     * Check that the config is valid.
     *
     * @return iterable<Problem>
     */
    private function config(): iterable
    {
        try {
            foreach ($this->cluster->warnings() as $warning) {
                yield [CheckResult::Warning, $warning, ''];
            }
        } catch (WebhooksException $e) {
            yield [CheckResult::Error, $e->getMessage(), 'Correct config/resonate-webhooks.php. If the config is cached, run config:cache again.'];
        }
    }

    /**
     * Check that Redis is reachable and can serve.
     *
     * @return iterable<Problem>
     */
    private function redis(): iterable
    {
        try {
            $this->status = $this->cluster->status();
        } catch (RedisMisconfigured $e) {
            yield [CheckResult::Error, $e->getMessage(), ''];

            return;
        } catch (WebhooksException $e) {
            yield [
                CheckResult::Error,
                $e->getMessage(),
                'Check resonate-webhooks.connection and that Redis is running. Servers keep trying to connect.',
            ];

            return;
        }

        if ($this->status['redis']['version'] === null) {
            yield [
                CheckResult::Warning,
                'Redis does not allow INFO, so its version, persistence and eviction policy are unknown',
                'Allow INFO for this user, or check them yourself.',
            ];
        }
    }

    /**
     * Check that an endpoint is configured here or reported by a server.
     *
     * @return iterable<Problem>
     */
    private function endpoints(): iterable
    {
        try {
            if ($this->cluster->configured() === [] && ($this->status['endpoints'] ?? []) === []) {
                yield [
                    CheckResult::Warning,
                    'no endpoints are configured, so nothing is sent',
                    'Add an endpoint to the config or the EndpointProvider, and check that its environment variable is set.',
                ];
            }
        } catch (EndpointProviderFailed $e) {
            yield [
                CheckResult::Error,
                $e->getMessage(),
                'Check that the provider can reach its database, and correct the endpoint that the message names. Running servers keep their endpoints.',
            ];
        }
    }

    /**
     * Check that the Redis user may run every command that servers use, and that Redis accepts writes.
     */
    private function addPermissions(): void
    {
        try {
            $refusals = $this->cluster->refusals();
        } catch (WebhooksException $e) {
            $this->addResult('Rights', [[CheckResult::Error, $e->getMessage(), '']]);

            return;
        }

        $this->addResult('Rights', $refusals['forbidden'] === [] ? [] : [[
            CheckResult::Error,
            'the Redis user lacks permission for '.implode(', ', $refusals['forbidden']),
            'Grant these permissions. docs/configuration.md lists all of them.',
        ]]);

        $this->addResult('Writes', $refusals['writes'] === null ? [] : [[CheckResult::Error, "Redis {$refusals['writes']}", '']]);
    }
}
