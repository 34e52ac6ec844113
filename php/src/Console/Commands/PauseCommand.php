<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Contracts\Console\PromptsForMissingInput;
use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Pauses deliveries to an endpoint, on all servers.
 */
#[AsCommand(name: 'resonate-webhooks:pause')]
class PauseCommand extends WebhooksCommand implements PromptsForMissingInput
{
    use PromptsForEndpoint;

    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:pause
                            {endpoint : The ID, name or URL of the endpoint}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Pause deliveries to an endpoint';

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $endpoints = $cluster->endpoints($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->refuse($this->unknownEndpoint($this->argument('endpoint')));
        }

        foreach ($endpoints as $endpoint) {
            $this->components->info($cluster->pause($endpoint['id'])
                ? "{$this->text($endpoint['label'])} is paused. Servers stop sending to it within two seconds; its events wait."
                : "{$this->text($endpoint['label'])} is already paused.");
        }

        return self::SUCCESS;
    }

    /**
     * Determine if an endpoint can be paused.
     */
    protected function appliesTo(array $endpoint): bool
    {
        return ! $endpoint['is_paused'];
    }
}
