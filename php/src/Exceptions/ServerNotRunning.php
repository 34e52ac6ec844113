<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

/**
 * The webhooks of this server process do not run, so that it cannot send events.
 */
class ServerNotRunning extends EventNotSent
{
    /**
     * Say where the reason is found.
     */
    public static function inThisProcess(): static
    {
        return new static(
            'the event was not sent: the webhooks of this server process have not started, or could not. The log names the'
            .' reason ("Resonate webhooks are off"), and a server does not wait for Redis in their place',
        );
    }
}
