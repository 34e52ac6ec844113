<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Shows what every server has written down of itself.
 */
#[AsCommand(name: 'resonate-webhooks:status')]
class StatusCommand extends WebhooksCommand
{
    /**
     * How many lanes are shown.
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
    protected $description = 'Show how the servers, their endpoints and what waits for them are doing';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $status = $this->cluster()->status();
        $running = in_array('running', array_column($status['nodes'], 'state'), true);

        if ($this->option('json')) {
            $this->json($status);

            return $running ? self::SUCCESS : self::NOTHING_RUNS;
        }

        $this->showCluster($status);
        $this->showNodes($status);
        $this->showEndpoints($status);
        $this->showLanes($status);
        $this->newLine();

        if ($running) {
            return self::SUCCESS;
        }

        $this->components->warn('No running servers found.');

        return self::NOTHING_RUNS;
    }

    /**
     * Show what concerns all of it.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showCluster(array $status): void
    {
        $counters = $status['counters'];

        $this->title('Webhooks');
        $this->components->twoColumnDetail('Redis', $status['redis']['version'] ?? 'answers, and may not be asked about itself');
        $this->components->twoColumnDetail('Occupied channels', (string) array_sum($status['channels']));
        $this->components->twoColumnDetail('Events in the outbox', (string) $status['outbox']['events']);
        $this->components->twoColumnDetail('Dead letters', $status['dead_letters'] > 0 ? "<fg=yellow>{$status['dead_letters']}</>" : '0');
        $this->components->twoColumnDetail('Delivered', sprintf(
            '%s in %s', $this->count($counters['events_delivered'] ?? 0, 'event'), $this->count($counters['batches_delivered'] ?? 0, 'request'),
        ));
        $this->components->twoColumnDetail('Given up', $this->count($counters['events_dropped'] ?? 0, 'event'));

        foreach ($status['foreign_keys'] as $key) {
            $this->components->error($this->text($key['message']));
        }
    }

    /**
     * Show the nodes.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showNodes(array $status): void
    {
        $this->title('Nodes');

        foreach ($status['nodes'] as $node) {
            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>%s, process %d, up for %s</>',
                    $this->text($node['node']), $node['version'], $node['pid'], $this->time(max(0, $node['written_ms'] - $node['started_ms']))),
                match ($node['state']) {
                    'running' => '<fg=green;options=bold>RUNNING</>',
                    'stopped' => '<fg=gray>stopped '.$this->ago($node['written_ms'], $status['time_ms']).'</>',
                    default => '<fg=red;options=bold>SILENT</> for '.$this->time($status['time_ms'] - $node['written_ms']),
                },
            );
        }
    }

    /**
     * Show the endpoints, each with what is wrong with it.
     *
     * @param  array<string, mixed>  $status
     */
    protected function showEndpoints(array $status): void
    {
        $this->title('Endpoints');

        foreach ($status['endpoints'] as $endpoint) {
            $since = $endpoint['since_ms'] === null ? '' : ' for '.$this->time(max(0, $status['time_ms'] - $endpoint['since_ms']));

            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>%s</>', $this->text($endpoint['label']), $this->text($endpoint['id'])),
                match ($endpoint['state']) {
                    'ok' => '<fg=green;options=bold>OK</>',
                    'paused' => "<fg=yellow;options=bold>PAUSED</>{$since}",
                    'resuming' => '<fg=yellow;options=bold>RESUMING</>',
                    'unreported' => '<fg=gray>not reported by a server</>',
                    'disabled' => "<fg=red;options=bold>DISABLED</>{$since}",
                    default => "<fg=red;options=bold>FAILING</>{$since}",
                },
            );

            if ($endpoint['nodes'] === [] && $endpoint['attempts'] === 0) {
                continue;
            }

            $this->components->bulletList(array_filter([
                sprintf('%s delivered, %s given up, %s waiting',
                    $this->count($endpoint['events_delivered'], 'event'), $endpoint['events_dropped'], $endpoint['depth']),
                $endpoint['p50_ms'] === null ? null : sprintf('half of %s within %s ms, 95 %% within %s ms',
                    $this->count($endpoint['attempts'], 'request'), $endpoint['p50_ms'], $endpoint['p95_ms']),
                $endpoint['state'] === 'disabled' ? "answered 410 Gone; send to it again with resonate-webhooks:resume {$this->text($endpoint['id'])}" : null,
                $endpoint['last_error'] === null ? null : sprintf('%s, %s (%s in a row); last success %s',
                    $this->text($endpoint['last_error']), $this->ago($endpoint['last_attempt_ms'], $status['time_ms']),
                    $endpoint['consecutive_failures'], $this->ago($endpoint['last_success_ms'], $status['time_ms'])),
            ]));
        }

        if ($status['endpoints_omitted'] > 0) {
            $this->components->info("And {$status['endpoints_omitted']} more.");
        }
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

        $this->title('What waits');

        foreach (array_slice($status['lanes'], 0, static::LANES) as $lane) {
            $this->components->twoColumnDetail(
                sprintf('%s <fg=gray>for %s of application %s</>',
                    $this->count($lane['depth'], 'event'), $this->text($lane['endpoint']), $this->text($lane['app_id'])),
                implode(', ', array_filter([
                    $lane['oldest_ms'] === null ? null : 'oldest '.$this->ago($lane['oldest_ms'], $status['time_ms']),
                    $lane['attempt'] > 0 ? "attempt {$lane['attempt']}" : null,
                    $lane['next_try_ms'] === null ? null : 'next in '.$this->time(max(0, $lane['next_try_ms'] - $status['time_ms'])),
                ])),
            );
        }

        $more = $status['lanes_omitted'] + max(0, count($status['lanes']) - static::LANES);

        if ($more > 0) {
            $this->components->info("And {$more} more.");
        }
    }

    /**
     * Begin a section.
     */
    protected function title(string $title): void
    {
        $this->newLine();
        $this->components->twoColumnDetail("  <fg=green;options=bold>{$title}</>");
    }
}
