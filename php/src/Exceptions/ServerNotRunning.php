<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Exceptions;

use RuntimeException;

/**
 * There are no running webhooks in this process to hand an event to.
 */
class ServerNotRunning extends RuntimeException implements WebhooksException
{
    /**
     * Say where events can be sent from.
     */
    public static function inThisProcess(): static
    {
        return new static(
            'webhooks can be sent from within the Resonate server process only, once its webhooks have started: not from a'
            .' request, a queue worker or a command of the application, nor after a boot that failed (see the log)',
        );
    }
}
