<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\Resonate\Contracts\Connection;

/**
 * A message that every plugin has let pass and that was handled, as the client sent it.
 */
class MessageReceived
{
    use Dispatchable;

    public function __construct(public Connection $connection, public string $message)
    {
        //
    }
}
