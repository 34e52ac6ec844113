<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\Format;
use Webpatser\ResonateWebhooks\Support\JsonText;

/**
 * Shows a dead letter and its body.
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
                            {id : The ID of the dead letter}
                            {--json : Output the dead letter as JSON}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Show a dead letter and its body';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $deadLetter = $this->deadLetters()->find($this->argument('id'));

        if ($deadLetter === null) {
            return $this->refuse("Unable to find dead letter with ID [{$this->text($this->argument('id'))}].");
        }

        if ($this->option('json')) {
            $this->json($deadLetter);

            return self::SUCCESS;
        }

        $this->newLine();
        $this->components->twoColumnDetail('ID', $deadLetter['id']);
        $this->components->twoColumnDetail('webhook-id', $this->text($deadLetter['webhook_id']));
        $this->components->twoColumnDetail('Endpoint', $this->text(trim("{$deadLetter['endpoint']} {$deadLetter['url']}") ?: 'none: the event could not be read'));
        $this->components->twoColumnDetail('Application', $this->text($deadLetter['app_id']));
        $this->components->twoColumnDetail('Events', Format::number($deadLetter['events']));
        $this->components->twoColumnDetail('Attempts', Format::number($deadLetter['attempts']));
        $this->components->twoColumnDetail('Reason', '<fg=red>'.$this->text($deadLetter['reason']).'</>');

        if ($deadLetter['answer'] !== null) {
            $this->components->twoColumnDetail('Answer', implode(', ', array_filter([
                $deadLetter['answer']['status'] === null ? null : "HTTP {$deadLetter['answer']['status']}",
                Format::dateTime($deadLetter['answer']['time_ms']), $deadLetter['answer']['text'] === '' ? 'no body' : null,
            ])));
        }

        $this->components->twoColumnDetail('First event', Format::dateTime($deadLetter['time_ms']));
        $this->components->twoColumnDetail('Dead-lettered', Format::dateTime($deadLetter['dropped_ms']));
        $this->newLine();

        if (($deadLetter['answer']['text'] ?? '') !== '') {
            $this->line('  <fg=gray>Answer:</> '.$this->text($deadLetter['answer']['text']));
            $this->newLine();
        }

        foreach (explode("\n", JsonText::indent($deadLetter['body'])) as $line) {
            $this->line('  '.$this->text($line));
        }

        $this->newLine();

        return self::SUCCESS;
    }
}
