<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\JsonText;

/**
 * Shows a webhook that was given up, with what it says.
 */
#[AsCommand(name: 'resonate-webhooks:show')]
class ShowCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:show
                            {id : The ID of the failed webhook}
                            {--json : Output it as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Show a webhook that was given up';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $letter = $this->deadLetters()->find($this->argument('id'));

        if ($letter === null) {
            return $this->refuse("Unable to find failed webhook with ID [{$this->text($this->argument('id'))}].");
        }

        if ($this->option('json')) {
            $this->json($letter);

            return self::SUCCESS;
        }

        $this->newLine();
        $this->components->twoColumnDetail('ID', $letter['letter']);
        $this->components->twoColumnDetail('webhook-id', $this->text($letter['id']));
        $this->components->twoColumnDetail('Endpoint', $this->text(trim("{$letter['endpoint']} {$letter['url']}") ?: 'none, the event could not be read'));
        $this->components->twoColumnDetail('Application', $this->text($letter['app_id']));
        $this->components->twoColumnDetail('Events', (string) $letter['events']);
        $this->components->twoColumnDetail('Attempts', (string) $letter['attempts']);
        $this->components->twoColumnDetail('Reason', '<fg=red>'.$this->text($letter['reason']).'</>');
        $this->components->twoColumnDetail('Happened', $this->date($letter['time_ms']));
        $this->components->twoColumnDetail('Given up', $this->date($letter['dropped_ms']));
        $this->newLine();

        foreach (explode("\n", JsonText::indent($letter['body'])) as $line) {
            $this->line('  '.$this->text($line));
        }

        $this->newLine();

        return self::SUCCESS;
    }
}
