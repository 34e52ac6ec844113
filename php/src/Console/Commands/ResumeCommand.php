<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Contracts\Console\PromptsForMissingInput;
use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Resumes deliveries to an endpoint, on all servers.
 */
#[AsCommand(name: 'resonate-webhooks:resume')]
class ResumeCommand extends WebhooksCommand implements PromptsForMissingInput
{
    use PromptsForEndpoint;

    /**
     * The console command signature.
     *
     * @var string
     */
    protected $signature = 'resonate-webhooks:resume
                            {endpoint : The ID, name or URL of the endpoint}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Resume deliveries to an endpoint that is paused or disabled';

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
            $this->components->info($cluster->resume($endpoint['id'])
                ? "{$this->text($endpoint['label'])} is resumed. Servers start sending to it within two seconds."
                : "{$this->text($endpoint['label'])} is neither paused nor disabled.");
        }

        return self::SUCCESS;
    }

    /**
     * Determine if an endpoint can be resumed.
     */
    protected function appliesTo(array $endpoint): bool
    {
        return $endpoint['is_paused'] || $endpoint['is_disabled'];
    }
}
