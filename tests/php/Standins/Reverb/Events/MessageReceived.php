<?php

declare(strict_types=1);

namespace Laravel\Reverb\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Laravel\Reverb\Contracts\Connection;

/**
 * A message was handled, and nothing was thrown.
 */
class MessageReceived
{
    use Dispatchable;

    public function __construct(public Connection $connection, public string $message)
    {
        //
    }
}
