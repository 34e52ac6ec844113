<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;
use Illuminate\Contracts\Console\PromptsForMissingInput;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

use function Laravel\Prompts\select;

/**
 * The base of the commands that change an endpoint. They prompt for it when the argument is missing.
 */
abstract class EndpointCommand extends WebhooksCommand implements PromptsForMissingInput
{
    /**
     * Determine if the command would change an endpoint.
     *
     * @param  array<string, mixed>  $endpoint
     */
    abstract protected function appliesTo(array $endpoint): bool;

    /**
     * Change an endpoint and return the message for it.
     */
    abstract protected function apply(string $id, string $label): string;

    /**
     * Perform the command.
     */
    protected function perform(): int
    {
        $endpoints = $this->cluster()->endpoints($this->argument('endpoint'));

        if ($endpoints === []) {
            return $this->refuse($this->unknownEndpoint($this->argument('endpoint')));
        }

        foreach ($endpoints as $endpoint) {
            $this->components->info($this->apply($endpoint['id'], $this->text($endpoint['label'])));
        }

        return self::SUCCESS;
    }

    /**
     * Prompt for missing input arguments using the returned questions.
     *
     * @return array<string, Closure(): string>
     */
    protected function promptForMissingArgumentsUsing(): array
    {
        try {
            $choices = array_column(array_filter($this->cluster()->endpoints(), $this->appliesTo(...)), 'label', 'id');
        } catch (WebhooksException) {
            // The command itself reports the error.
            return [];
        }

        return $choices === [] ? [] : ['endpoint' => fn () => (string) select('Which endpoint?', $choices)];
    }
}
