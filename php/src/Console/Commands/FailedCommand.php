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
                            {--before= : The ID of a dead letter: list only older ones}
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
        $limit = filter_var($this->option('limit'), FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);
        $before = $this->option('before');

        if ($limit === false) {
            return $this->refuse('The --limit option must be a whole number above zero.');
        }

        if ($before !== null && preg_match('/^\d+-\d+$/D', $before) !== 1) {
            return $this->refuse('The --before option must be the ID of a dead letter, such as 1700000000000-0.');
        }

        $letters = $this->deadLetters();
        $page = $letters->list($limit, $before);

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

        $last = array_last($page)['letter'];

        if (count($page) === $limit && $letters->list(1, $last) !== []) {
            $this->components->info("Older dead letters follow: --before={$last} lists them.");
        }

        $this->newLine();

        return self::SUCCESS;
    }
}
