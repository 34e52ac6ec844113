<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;
use Webpatser\ResonateWebhooks\Support\NodeState;

/**
 * Adopts the webhook data in Redis after the application was renamed or its key replaced.
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
     * Perform the command.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $status = $cluster->status();
        ['data' => $data, 'own' => $own] = $status['identity'];

        if ($own === null) {
            return $this->refuse('This application has no identity. Set APP_NAME and APP_KEY, or RESONATE_WEBHOOKS_CLUSTER_NAME.');
        }

        if ($status['identity']['mismatch'] === null) {
            $this->components->info($data === null
                ? 'The webhook data in Redis has no identity yet. The first server adopts it.'
                : 'The webhook data in Redis already belongs to this application.');

            return self::SUCCESS;
        }

        $running = count(NodeState::Running->of($status));

        if ($running > 0 && ! $this->option('force') && $this->input->isInteractive()) {
            $this->components->warn("Servers of [{$this->text((string) $data)}] that are still running: {$running}. Adopting the data stops their webhooks.");
        }

        if (! $this->confirmed("Adopt the webhook data of [{$data}] as [{$own}]? Undelivered events go to the endpoints of this application.")) {
            return self::FAILURE;
        }

        $former = $cluster->adopt();
        $this->components->info($former === null
            ? 'The webhook data in Redis already belongs to this application.'
            : "The webhook data of [{$this->text($former)}] now belongs to [{$this->text($own)}]. Its servers start their webhooks within seconds.");

        return self::SUCCESS;
    }
}
