<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Has webhooks sent again that were given up.
 */
#[AsCommand(name: 'resonate-webhooks:retry')]
class RetryCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:retry
                            {id* : The IDs of failed webhooks, or "all"}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Send webhooks again that were given up';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $letters = $this->deadLetters();
        $ids = $this->argument('id');

        if ($ids === ['all']) {
            $found = $letters->retryAll();

            $this->components->info($found === 0
                ? 'No failed webhooks found.'
                : "{$this->count($found, 'failed webhook')} will be sent again, once each; each is kept until it has been delivered. An endpoint that fails gets no more of them.");

            return self::SUCCESS;
        }

        $missing = array_filter($ids, fn (string $id) => $letters->retry([$id]) === 0);

        foreach ($ids as $id) {
            in_array($id, $missing, true)
                ? $this->components->error("Unable to find failed webhook with ID [{$this->text($id)}].")
                : $this->components->twoColumnDetail($id, '<fg=green;options=bold>QUEUED</>');
        }

        return $missing === [] ? self::SUCCESS : self::FAILURE;
    }
}
