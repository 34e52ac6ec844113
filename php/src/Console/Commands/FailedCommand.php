<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\DeadLetterSearch;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Lists the dead letters.
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
                            {--limit=50 : The maximum number of dead letters to list}
                            {--before= : Only list dead letters that are older than the one with this ID}
                            {--json : Output the dead letters as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'List the dead letters, newest first';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $limit = filter_var($this->option('limit'), FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);
        $before = $this->option('before');

        if ($limit === false) {
            return $this->refuse('The --limit option must be a whole number above zero.');
        }

        if ($before !== null && preg_match('/^'.DeadLetterSearch::ID.'$/D', $before) !== 1) {
            return $this->refuse('The --before option must be the ID of a dead letter, such as 1700000000000-0.');
        }

        $deadLetters = $this->deadLetters();
        $page = $deadLetters->list($limit, $before);
        $code = $this->completed($deadLetters);

        if ($this->option('json')) {
            $this->json($page);
        } elseif ($page === []) {
            $this->components->info('No dead letters found.');
        } else {
            $this->show($page, $limit);
        }

        return $code;
    }

    /**
     * Show a page of dead letters.
     *
     * @param  non-empty-list<array<string, mixed>>  $page
     */
    protected function show(array $page, int $limit): void
    {
        $this->newLine();

        foreach ($page as $deadLetter) {
            $this->components->twoColumnDetail(
                sprintf('<fg=gray>%s</> %s', Format::dateTime($deadLetter['dropped_ms']), $deadLetter['id']),
                sprintf('<fg=gray>%s of application %s to</> %s <fg=red>%s</>',
                    Format::count($deadLetter['events'], 'event'), $this->text($deadLetter['app_id']),
                    $this->text($deadLetter['url'] ?: $deadLetter['endpoint'] ?: 'no endpoint'), $this->text($deadLetter['reason'])),
            );
        }

        $last = end($page)['id'];

        if (count($page) === $limit && $this->deadLetters()->list(1, $last) !== []) {
            $this->components->info("Use --before={$last} to list older dead letters.");
        }

        $this->newLine();
    }
}
