<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Symfony\Component\Console\Attribute\AsCommand;

/**
 * Resumes deliveries to an endpoint, on all servers.
 */
#[AsCommand(name: 'resonate-webhooks:resume')]
class ResumeCommand extends EndpointCommand
{
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
     * Determine if the command would change an endpoint.
     */
    protected function appliesTo(array $endpoint): bool
    {
        return $endpoint['is_paused'] || $endpoint['is_disabled'];
    }

    /**
     * Resume an endpoint and return the message for it.
     */
    protected function apply(string $id, string $label): string
    {
        return $this->cluster()->resume($id)
            ? "{$label} is resumed. Servers start sending to it within two seconds."
            : "{$label} is neither paused nor disabled.";
    }
}
