<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

use function Laravel\Prompts\confirm;

/**
 * Makes the webhook data in Redis this application's, after it was renamed or its key replaced.
 */
#[AsCommand(name: 'resonate-webhooks:adopt')]
class AdoptCommand extends WebhooksCommand
{
    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:adopt
                            {--force : Adopt without confirmation}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Adopt the webhook data in Redis after the application was renamed';

    /**
     * Adopt the data if it belongs to another cluster.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $status = $cluster->status();
        ['data' => $data, 'own' => $own] = $status['identity'];

        if ($own === null) {
            return $this->refuse('This application has no identity: set APP_NAME and APP_KEY, or RESONATE_WEBHOOKS_CLUSTER_NAME.');
        }

        if ($status['identity']['mismatch'] === null) {
            $this->components->info($data === null
                ? 'The webhook data in Redis has no identity: the first server adopts it.'
                : 'The webhook data in Redis belongs to this application already.');

            return self::SUCCESS;
        }

        $running = count(array_filter($status['nodes'], fn (array $node) => $node['state'] === 'running'));

        if (! $this->option('force') && ! $this->confirmed($data, $own, $running)) {
            return self::FAILURE;
        }

        $former = $cluster->adopt();
        $this->components->info($former === null
            ? 'The webhook data in Redis belongs to this application already.'
            : "The webhook data of [{$this->text($former)}] belongs to [{$this->text($own)}] now. Its servers start their webhooks within seconds.");

        return self::SUCCESS;
    }

    /**
     * Ask for confirmation.
     */
    protected function confirmed(?string $data, string $own, int $running): bool
    {
        if (! $this->input->isInteractive()) {
            $this->components->error('Use --force in non-interactive mode.');

            return false;
        }

        if ($running > 0) {
            $this->components->warn("{$this->count($running, 'server')} of [{$this->text((string) $data)}] still running: their webhooks stop.");
        }

        if (confirm("Adopt the webhook data of [{$data}] as [{$own}]? Waiting webhooks go to this application's endpoints.", default: false)) {
            return true;
        }

        $this->components->warn('Command cancelled.');

        return false;
    }
}
