<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\Format;
use Webpatser\ResonateWebhooks\Support\Tone;

/**
 * Sends dead letters again.
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
                            {id* : The IDs of the dead letters, or "all"}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Send dead letters again';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $deadLetters = $this->deadLetters();
        $ids = $this->argument('id');

        if ($ids === ['all']) {
            $queued = $deadLetters->retryAll();

            $this->components->info($queued === 0
                ? 'No dead letters found.'
                : Format::count($queued, 'dead letter').' queued for one attempt each. Each is kept until it is delivered. After a failed attempt, the rest of the retry for that endpoint is skipped.');

            return $this->completed($deadLetters);
        }

        $missing = array_filter($ids, fn (string $id) => $deadLetters->retry([$id]) === 0);

        foreach ($ids as $id) {
            in_array($id, $missing, true)
                ? $this->components->error("Unable to find dead letter with ID [{$this->text($id)}].")
                : $this->components->twoColumnDetail($id, Tone::Good->badge('queued'));
        }

        return $missing === [] ? self::SUCCESS : self::FAILURE;
    }
}
