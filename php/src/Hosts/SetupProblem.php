<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

/**
 * A problem in the setup of a host, with its fix.
 */
final readonly class SetupProblem
{
    /**
     * Create a new problem.
     */
    public function __construct(public string $message, public string $fix)
    {
        //
    }
}
