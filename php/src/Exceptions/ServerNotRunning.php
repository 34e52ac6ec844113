<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

/**
 * The webhooks of this server process are not running, so it cannot send events.
 */
class ServerNotRunning extends EventNotSent
{
    /**
     * Create a new exception for this process.
     */
    public static function inThisProcess(): static
    {
        return new static(
            'the event was not sent: the webhooks of this server process have not started. See "Resonate webhooks are off" in the'
            .' log for the reason. A server does not send the event to Redis without them, because that would block its event loop',
        );
    }
}
