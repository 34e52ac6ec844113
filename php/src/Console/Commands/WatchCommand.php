<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Sleep;
use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Shows deliveries as they happen, on all servers.
 */
#[AsCommand(name: 'resonate-webhooks:watch')]
class WatchCommand extends WebhooksCommand
{
    /**
     * How often is looked, in milliseconds.
     */
    protected const int EVERY = 250;

    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:watch
                            {--seconds= : How long to watch; until it is interrupted without it}
                            {--json : Output each delivery as a line of JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Watch deliveries as they happen';

    /**
     * Whether somebody wants it to end.
     */
    protected bool $interrupted = false;

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $seconds = $this->option('seconds');

        if ($seconds !== null && (! is_numeric($seconds) || $seconds <= 0)) {
            return $this->refuse('The --seconds option must be a number above zero.');
        }

        $cluster = $this->cluster();
        $end = $seconds === null ? INF : microtime(true) + (float) $seconds;
        $last = $cluster->watch()['last'];

        $this->trap(fn () => [SIGINT, SIGTERM], function (): void {
            $this->interrupted = true;
        });

        if (! $this->option('json')) {
            $this->components->info('Watching deliveries: they show within two seconds. Press Ctrl+C to end.');
        }

        while (! $this->interrupted && microtime(true) < $end) {
            ['last' => $last, 'deliveries' => $deliveries] = $cluster->watch($last);
            array_walk($deliveries, $this->show(...));
            Sleep::for(static::EVERY)->milliseconds();
        }

        return self::SUCCESS;
    }

    /**
     * Show a delivery.
     *
     * @param  array<string, mixed>  $delivery
     */
    protected function show(array $delivery): void
    {
        if ($this->option('json')) {
            $this->output->writeln((string) json_encode($delivery, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE));

            return;
        }

        $this->components->twoColumnDetail(
            sprintf('<fg=gray>%s</> %s <fg=gray>application %s, %s</>',
                $this->date($delivery['time_ms']), $this->text($delivery['label']), $this->text($delivery['app_id']),
                $this->count($delivery['events'], 'event')),
            sprintf('<fg=gray>%s%s ms</> %s', $delivery['attempt'] > 1 ? "attempt {$delivery['attempt']}, " : '', $delivery['took_ms'],
                $delivery['error'] === null
                    ? "<fg=green;options=bold>HTTP {$delivery['status']}</>"
                    : '<fg=red;options=bold>'.$this->text($delivery['error']).'</>'),
        );
    }
}
