<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Illuminate\Contracts\Console\PromptsForMissingInput;
use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Has nothing more sent to an endpoint, by any server.
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
                            {endpoint : The id, name or URL of the endpoint}';

    /**
     * The console command description.
     *
     * @var string
     */
    protected $description = 'Pause deliveries to an endpoint';

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
            $this->components->info($cluster->pause($endpoint['id'])
                ? "{$this->text($endpoint['label'])} is paused, on every server within two seconds. Its events wait."
                : "{$this->text($endpoint['label'])} is paused already.");
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
        return array_column(array_filter($this->cluster()->endpoints(), fn (array $endpoint) => ! $endpoint['is_paused']), 'label', 'id');
    }
}
