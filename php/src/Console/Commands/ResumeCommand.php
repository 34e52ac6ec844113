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
    use AsksForEndpoint;

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
    protected $description = 'Have the events sent again that waited for a paused endpoint';

    /**
     * Do what the command is for.
     */
    protected function perform(): int
    {
        $cluster = $this->cluster();
        $name = $this->argument('endpoint');

        // One that is not configured any more can be resumed by its id.
        $endpoints = $cluster->endpoints($name) ?: (isset($cluster->paused()[$name]) ? [['id' => $name, 'label' => $name]] : []);

        if ($endpoints === []) {
            return $this->isUnknown($name);
        }

        foreach ($endpoints as $endpoint) {
            $this->components->info($cluster->resume($endpoint['id'])
                ? "{$this->text($endpoint['label'])} goes on, on every server within two seconds."
                : "{$this->text($endpoint['label'])} is not paused.");
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
        $cluster = $this->cluster();
        $labels = array_column($cluster->endpoints(), 'label', 'id');

        return array_map(strval(...), array_replace(
            $paused = array_combine(array_keys($cluster->paused()), array_keys($cluster->paused())),
            array_intersect_key($labels, $paused),
        ));
    }
}
