<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;
use Illuminate\Contracts\Console\PromptsForMissingInput;
use Symfony\Component\Console\Attribute\AsCommand;

use function Laravel\Prompts\select;

/**
 * Ends the pause of an endpoint.
 */
#[AsCommand(name: 'resonate-webhooks:resume')]
class ResumeCommand extends WebhooksCommand implements PromptsForMissingInput
{
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
            $this->components->error("No endpoint is called [{$this->text($name)}].");

            return self::FAILURE;
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

    /**
     * Ask for what was left out.
     *
     * @return array<string, Closure(): string>
     */
    protected function promptForMissingArgumentsUsing(): array
    {
        $choices = $this->quietly($this->choices(...));

        return $choices === [] ? [] : ['endpoint' => fn () => (string) select('Which endpoint?', $choices)];
    }
}
