<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Events\Dispatcher;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;

/**
 * Dispatches the Laravel events of a webhook.
 */
class WebhookDispatcher
{
    /**
     * Create a new instance.
     */
    public function __construct(protected Dispatcher $events)
    {
        //
    }

    /**
     * Dispatch `WebhookReceived`, and then each event of the webhook.
     */
    public function dispatch(Webhook $webhook): void
    {
        $received = WebhookReceived::from($webhook);

        $this->events->dispatch($received);

        foreach ($received->events() as $event) {
            $this->events->dispatch($event);
        }
    }
}
