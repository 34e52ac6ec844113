<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Contracts\Console\PromptsForMissingInput;
use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Ends the pause of an endpoint.
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
                            {endpoint : The id, name or URL of the endpoint}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Resume deliveries to an endpoint that was paused or has answered 410';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $endpoints = $cluster->endpoints($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->isUnknown($this->argument('endpoint'));
        }

        foreach ($endpoints as $endpoint) {
            $this->components->info($cluster->resume($endpoint['id'])
                ? "{$this->text($endpoint['label'])} goes on, on every server within two seconds."
                : "{$this->text($endpoint['label'])} is neither paused nor disabled.");
        }

        return self::SUCCESS;
    }

    /**
     * The endpoints to choose from.
     *
     * @return array<string, string>
     */
    protected function choices(): array
    {
        return array_column(array_filter($this->cluster()->endpoints(), fn (array $endpoint) => $endpoint['is_paused'] || $endpoint['is_disabled']), 'label', 'id');
    }
}
