<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Contracts\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Webpatser\ResonateWebhooks\Receiving\Events\WebhookReceived;

/**
 * Makes Laravel events of a webhook.
 */
class WebhookController
{
    /**
     * Handle a verified webhook; a listener that throws has it sent again.
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
