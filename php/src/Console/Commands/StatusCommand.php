<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Str;
use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\EndpointState;
use Webpatser\ResonateWebhooks\Support\Format;
use Webpatser\ResonateWebhooks\Support\HistoryCharts;
use Webpatser\ResonateWebhooks\Support\NodeState;

/**
 * Shows the status of the cluster, as its servers report it.
 */
#[AsCommand(name: 'resonate-webhooks:status')]
class StatusCommand extends WebhooksCommand
{
    /**
     * The number of lanes to show.
     */
    protected const int LANES = 10;

    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:status
                            {--json : Output the status as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Show the status of servers, endpoints and lanes';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $status = $this->cluster()->status();
        $unknown = NodeState::unknown($status) !== null;
        $code = match (true) {
            $unknown => self::FAILURE,
            NodeState::Running->of($status) === [] => self::NO_RUNNING_SERVER,
            default => self::SUCCESS,
        };

        if ($this->option('json')) {
            $this->json($status);

            return $code;
        }

        $this->showCluster($status);

        if ($unknown) {
            $this->showLeases($status);

            return $code;
        }

        $hour = $this->cluster()->history(array_column($status['endpoints'], 'id'), 60, 2);
        $this->showHistory($hour);
        $this->showServers($status);
        $this->showEndpoints($status, $hour);
        $this->showLanes($status);
        $this->newLine();

        if ($code === self::NO_RUNNING_SERVER) {
            $this->components->warn('No running servers found.');
        }

        return $code;
    }

    /**
     * Show the totals of the cluster.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showCluster(array $status): void
    {
        $counters = $status['counters'];
        $deadLetters = Format::number($status['dead_letters']);

        $this->title('Webhooks');
        $this->components->twoColumnDetail('Redis', $status['redis']['version'] ?? 'reachable, but INFO is not allowed');

        if ($status['redis']['cluster'] !== null || count($status['shards']) > 1) {
            $this->components->twoColumnDetail($status['redis']['cluster'] === null ? 'Shards' : 'Redis Cluster', $this->text(Format::shards($status)));
        }

        if (NodeState::unknown($status) === null) {
            $this->components->twoColumnDetail('Occupied channels', Format::number(array_sum($status['channels'])));
        }

        $this->components->twoColumnDetail('Events in the outbox', Format::number($status['outbox']['events']));
        $this->components->twoColumnDetail('Dead letters', $status['dead_letters'] > 0 ? "<fg=yellow>{$deadLetters}</>" : $deadLetters);

        if (NodeState::unknown($status) === null) {
            $this->components->twoColumnDetail('Events delivered', sprintf('%s in %s',
                Format::number($counters['events_delivered'] ?? 0), Format::count($counters['batches_delivered'] ?? 0, 'request')));
            $this->components->twoColumnDetail('Events dead-lettered', Format::number($counters['events_dropped'] ?? 0));
        }

        foreach (array_filter($status['shards'], fn (array $shard) => $shard['error'] !== null) as $shard) {
            $this->components->error($this->text(Format::sentence("shard {$shard['shard']} is missing in these numbers: {$shard['error']}")));
        }

        foreach ($status['foreign_keys'] as $key) {
            $this->components->error($this->text(Format::sentence($key['message'])));
        }
    }

    /**
     * Show how many servers there are if only the other shards know them.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showLeases(array $status): void
    {
        $this->newLine();
        $this->components->warn('Shard 0 has the reports of the servers, so servers, endpoints, channels and history are unknown.');
        $this->components->twoColumnDetail('Servers with a lease in the other shards', Format::number(Format::leases($status)));
        $this->newLine();
    }

    /**
     * Show the history of the last hour and of the last 24 hours.
     *
     * @param  array<string, mixed>  $hour
     */
    protected function showHistory(array $hour): void
    {
        $this->title('History');

        foreach (['Last hour' => $hour, 'Last 24 hours' => $this->cluster()->history([], 1440, 30)] as $period => $history) {
            $charts = HistoryCharts::ofAll($history);
            $this->components->twoColumnDetail($period, "<fg=gray>{$charts->summary()}</> ".Format::sparkline($charts->totals()));
            $this->components->bulletList(array_values(array_filter([
                $charts->reasons() === '' ? null : "failed: {$charts->reasons()}",
                sprintf('at most %s waiting on a server, the oldest for %s', Format::count($charts->most('queued_events'), 'event'), Format::duration($charts->most('lag_ms'))),
                $charts->incomplete(),
            ])));
        }
    }

    /**
     * Show the servers.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showServers(array $status): void
    {
        $this->title('Servers');

        foreach ($status['nodes'] as $node) {
            $state = NodeState::from($node['state']);

            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>%s, process %d, up for %s</>',
                    $this->text($node['node']), $node['version'], $node['pid'], Format::elapsed($node['started_ms'], $node['written_ms'])),
                $state->tone()->badge($state->value).match ($state) {
                    NodeState::Running => '',
                    NodeState::Stopped, NodeState::Silent => ' for '.Format::elapsed($node['written_ms'], $status['time_ms']),
                },
            );
        }
    }

    /**
     * Show the endpoints.
     *
     * @param  array<string, mixed>  $status
     * @param  array<string, mixed>  $hour  Their history.
     */
    protected function showEndpoints(array $status, array $hour): void
    {
        $this->title('Endpoints');

        foreach ($status['endpoints'] as $endpoint) {
            $state = EndpointState::of($endpoint['state']);
            $since = $endpoint['since_ms'] === null ? '' : ' for '.Format::elapsed($endpoint['since_ms'], $status['time_ms']);

            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>%s</>', $this->text($endpoint['label']), $this->text($endpoint['id'])),
                $state->tone()->badge($state->label()).$since,
            );

            if ($endpoint['nodes'] !== [] || $endpoint['attempts'] > 0) {
                $charts = HistoryCharts::ofEndpoint($hour, $endpoint['id']);
                $this->components->bulletList([
                    ...$this->endpointDetails($endpoint, $state, $status['time_ms']),
                    'last hour: '.Format::sparkline($charts->totals())." {$charts->summary()}",
                ]);
            }
        }

        if ($status['endpoints_truncated'] > 0) {
            $this->components->info('And '.Format::count($status['endpoints_truncated'], 'more endpoint').'.');
        }
    }

    /**
     * Get what servers report of an endpoint.
     *
     * @param  array<string, mixed>  $endpoint
     * @return list<string>
     */
    protected function endpointDetails(array $endpoint, EndpointState $state, int $now): array
    {
        $lastSuccess = $endpoint['last_success_ms'] === null ? 'never' : Format::relative($endpoint['last_success_ms'], $now);

        return array_values(array_filter([
            sprintf('%s delivered, %s dead-lettered, %s waiting',
                Format::count($endpoint['events_delivered'], 'event'), Format::number($endpoint['events_dropped']), Format::number($endpoint['depth'])),
            $endpoint['p50_ms'] === null ? null : sprintf('latency of %s: p50 %s, p95 %s, p99 %s', Format::count($endpoint['attempts'], 'attempt'),
                Format::duration($endpoint['p50_ms']), Format::duration($endpoint['p95_ms']), Format::duration($endpoint['p99_ms'])),
            $state === EndpointState::Disabled ? "answered 410 Gone; use resonate-webhooks:resume {$this->text($endpoint['id'])} to resume deliveries" : null,
            $endpoint['last_error'] === null ? null : sprintf('%s %s, %s; last success: %s',
                $this->text($endpoint['last_error']), Format::relative($endpoint['last_attempt_ms'], $now),
                Format::count($endpoint['consecutive_failures'], 'consecutive failure'), $lastSuccess),
            ($endpoint['last_answer'] ?? '') === '' ? null : 'answer: '.$this->text(Str::limit($endpoint['last_answer'], 100)),
        ]));
    }

    /**
     * Show the longest lanes.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showLanes(array $status): void
    {
        if ($status['lanes'] === []) {
            return;
        }

        $this->title('Lanes');

        foreach (array_slice($status['lanes'], 0, static::LANES) as $lane) {
            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>for %s of application %s</>',
                    Format::count($lane['depth'], 'event'), $this->text($lane['endpoint']), $this->text($lane['app_id'])),
                implode(', ', array_filter([
                    $lane['oldest_ms'] === null ? null : 'oldest '.Format::relative($lane['oldest_ms'], $status['time_ms']),
                    $lane['attempt'] > 0 ? "attempt {$lane['attempt']}" : null,
                    $lane['next_try_ms'] === null ? null : 'next attempt '.Format::relative($lane['next_try_ms'], $status['time_ms']),
                ])),
            );
        }

        $more = $status['lanes_truncated'] + max(0, count($status['lanes']) - static::LANES);

        if ($more > 0) {
            $this->components->info('And '.Format::count($more, 'shorter lane').'.');
        }
    }

    /**
     * Show the title of a section.
     */
    protected function title(string $title): void
    {
        $this->newLine();
        $this->components->twoColumnDetail("  <fg=green;options=bold>{$title}</>");
    }
}
