<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Support\Sleep;
use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Shows the deliveries of all servers as they happen.
 */
#[AsCommand(name: 'resonate-webhooks:watch')]
class WatchCommand extends WebhooksCommand
{
    /**
     * The pause between two reads, in milliseconds.
     */
    protected const int INTERVAL = 250;

    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:watch
                            {--seconds= : Stop after this number of seconds}
                            {--json : Output each delivery as a line of JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Watch deliveries as they happen';

    /**
     * Indicates if a signal has interrupted the command.
     */
    protected bool $interrupted = false;

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $seconds = $this->positiveNumber('seconds');

        if ($seconds === false) {
            return $this->refuse('The --seconds option must be a number above zero.');
        }

        $cluster = $this->cluster();
        $end = $seconds === null ? INF : microtime(true) + $seconds;
        $last = $cluster->watch()['last'];

        $this->trap(fn () => [SIGINT, SIGTERM], function (): void {
            $this->interrupted = true;
        });

        if (! $this->option('json')) {
            $this->components->info('Watching deliveries. They appear within two seconds. Press Ctrl+C to stop.');
        }

        while (! $this->interrupted && microtime(true) < $end) {
            ['last' => $last, 'deliveries' => $deliveries] = $cluster->watch($last);
            array_walk($deliveries, $this->show(...));
            Sleep::for(static::INTERVAL)->milliseconds();
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
                Format::dateTime($delivery['time_ms']), $this->text($delivery['label']), $this->text($delivery['app_id']),
                Format::count($delivery['events'], 'event')),
            sprintf('<fg=gray>%s%s</> %s', $delivery['attempt'] > 1 ? "attempt {$delivery['attempt']}, " : '',
                Format::duration($delivery['took_ms']), $this->outcome($delivery)),
        );

        if (($delivery['answer'] ?? '') !== '') {
            $this->line("    <fg=gray>{$this->text($delivery['answer'])}</>");
        }
    }
}
