<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Deletes all dead letters.
 */
#[AsCommand(name: 'resonate-webhooks:flush')]
class FlushCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:flush
                            {--hours= : Only delete dead letters that are older than this number of hours}
                            {--force : Delete without confirmation}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Delete all dead letters';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $hours = $this->positiveNumber('hours');

        if ($hours === false) {
            return $this->refuse('The --hours option must be a number above zero.');
        }

        $deadLetters = $this->deadLetters();
        $which = $hours === null ? 'all '.Format::count($deadLetters->count(), 'dead letter') : "all dead letters older than {$hours} ".($hours === 1.0 ? 'hour' : 'hours');

        if (! $this->confirmed("Delete {$which}? They cannot be retried afterwards.")) {
            return self::FAILURE;
        }

        $deleted = $deadLetters->flush($hours === null ? 0 : max(1, (int) round(3600 * $hours)));
        $this->components->info(Format::count($deleted, 'dead letter').' deleted.');

        return $this->completed($deadLetters);
    }
}
