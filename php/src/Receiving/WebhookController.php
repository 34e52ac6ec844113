<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;

/**
 * Dispatches the Laravel events of a webhook.
 */
class WebhookController
{
    /**
     * Handle a verified webhook. If a listener throws, the response is an error, and the sender retries.
     */
    public function __invoke(Request $request, Dispatcher $events): Response
    {
        $received = WebhookReceived::from(Webhook::of($request));

        $events->dispatch($received);

        foreach ($received->events() as $event) {
            $events->dispatch($event);
        }

        return new Response(status: Response::HTTP_NO_CONTENT);
    }
}
