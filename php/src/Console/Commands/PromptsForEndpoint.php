<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console\Commands;

use Closure;

use function Laravel\Prompts\select;

/**
 * Lets somebody who names no endpoint choose one.
 */
trait PromptsForEndpoint
{
    /**
     * The endpoints to choose from.
     *
     * @return array<string, string>
     */
    abstract protected function choices(): array;

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

    /**
     * Say that nothing is called so.
     */
    protected function isUnknown(string $name): int
    {
        return $this->refuse($this->unknownEndpoint($name));
    }
}
