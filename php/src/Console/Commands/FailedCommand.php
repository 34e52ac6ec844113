<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Lists the webhooks that were given up.
 */
#[AsCommand(name: 'resonate-webhooks:failed')]
class FailedCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:failed
                            {--limit=50 : How many to list}
                            {--before= : Only those before this one}
                            {--json : Output them as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'List the webhooks that were given up, newest first';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $letters = $this->letters();
        $page = $letters->list(max(0, (int) $this->option('limit')), $this->option('before'));

        if ($this->option('json')) {
            $this->json($page);

            return self::SUCCESS;
        }

        if ($page === []) {
            $this->components->info('No failed webhooks found.');

            return self::SUCCESS;
        }

        $this->newLine();

        foreach ($page as $letter) {
            $this->components->twoColumnDetail(
                sprintf('<fg=gray>%s</> %s', $this->date($letter['dropped_ms']), $letter['letter']),
                sprintf('<fg=gray>%s of application %s to</> %s <fg=red>%s</>',
                    $this->count($letter['events'], 'event'), $this->text($letter['app_id']),
                    $this->text($letter['url'] ?: $letter['endpoint'] ?: 'no endpoint'), $this->text($letter['reason'])),
            );
        }

        $more = $letters->count() - count($page);

        if ($more > 0) {
            $this->components->info("And {$more} others; --before=".$page[array_key_last($page)]['letter'].' goes on.');
        }

        $this->newLine();

        return self::SUCCESS;
    }
}
