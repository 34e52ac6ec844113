<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\Resonate\Contracts\Connection;

/**
 * A message, as the client sent it, that every plugin has let pass and the server has handled.
 */
class MessageReceived
{
    use Dispatchable;

    public function __construct(public Connection $connection, public string $message)
    {
        //
    }
}
