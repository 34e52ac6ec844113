<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

use function Laravel\Prompts\select;

/**
 * Prompts for the endpoint when the argument is missing.
 */
trait PromptsForEndpoint
{
    /**
     * Determine if the command applies to an endpoint.
     *
     * @param  array<string, mixed>  $endpoint
     */
    abstract protected function appliesTo(array $endpoint): bool;

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
