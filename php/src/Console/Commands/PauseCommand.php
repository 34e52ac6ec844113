<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Pauses deliveries to an endpoint, on all servers.
 */
#[AsCommand(name: 'resonate-webhooks:pause')]
class PauseCommand extends EndpointCommand
{
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
     * Determine if the command would change an endpoint.
     */
    protected function appliesTo(array $endpoint): bool
    {
        return ! $endpoint['is_paused'];
    }

    /**
     * Pause an endpoint and return the message for it.
     */
    protected function apply(string $id, string $label): string
    {
        return $this->cluster()->pause($id)
            ? "{$label} is paused. Servers stop sending to it within two seconds; its events wait."
            : "{$label} is already paused.";
    }
}
