<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Deletes webhooks that were given up.
 */
#[AsCommand(name: 'resonate-webhooks:forget')]
class ForgetCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:forget
                            {id* : The IDs of failed webhooks}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Delete webhooks that were given up';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $ids = array_unique($this->argument('id'));
        $missing = count($ids) - $this->deadLetters()->forget($ids);

        if ($missing === 0) {
            $this->components->info('Failed webhooks deleted successfully.');

            return self::SUCCESS;
        }

        return $this->refuse("No failed webhook matches {$missing} of the given IDs.");
    }
}
