<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

use function Laravel\Prompts\confirm;

/**
 * Deletes all webhooks that were given up.
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
                            {--hours= : Keep those that were given up within so many hours}
                            {--force : Do not ask}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Delete all webhooks that were given up';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $hours = $this->option('hours');

        if ($hours !== null && (! is_numeric($hours) || $hours <= 0)) {
            return $this->refuse('The --hours option must be a number above zero.');
        }

        $letters = $this->deadLetters();
        $which = $hours === null ? "all {$letters->count()} failed webhooks" : "the webhooks that failed more than {$hours} hours ago";

        if (! $this->option('force') && ! $this->agreed($which)) {
            return self::FAILURE;
        }

        $deleted = $letters->flush($hours === null ? 0 : max(1, (int) round(3600 * (float) $hours)));
        $this->components->info("{$this->count($deleted, 'failed webhook')} deleted.");

        return self::SUCCESS;
    }

    /**
     * Ask, if there is somebody to ask.
     */
    protected function agreed(string $which): bool
    {
        if (! $this->input->isInteractive()) {
            $this->components->error('Use --force in non-interactive mode.');

            return false;
        }

        if (confirm("Delete {$which}? They cannot be sent again.", default: false)) {
            return true;
        }

        $this->components->warn('Command cancelled.');

        return false;
    }
}
