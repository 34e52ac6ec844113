<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\Format;

/**
 * Deletes dead letters.
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
                            {id* : The IDs of the dead letters}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Delete dead letters';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $ids = array_unique($this->argument('id'));
        $deadLetters = $this->deadLetters();
        $deleted = $deadLetters->forget($ids);
        $missing = count($ids) - $deleted;
        $this->completed($deadLetters);

        if ($deleted > 0) {
            $this->components->info(Format::count($deleted, 'dead letter').' deleted.');
        }

        return $missing === 0 ? self::SUCCESS : $this->refuse('Unable to find '.Format::count($missing, 'dead letter').'.');
    }
}
