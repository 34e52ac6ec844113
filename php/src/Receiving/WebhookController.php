<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Illuminate\Http\Request;
use Illuminate\Http\Response;

/**
 * Handles a webhook that was POSTed to the route.
 */
class WebhookController
{
    /**
     * Handle a verified webhook. If a listener throws, the response is an error, and the sender retries.
     */
    public function __invoke(Request $request, WebhookDispatcher $dispatcher): Response
    {
        $dispatcher->dispatch(Webhook::of($request));

        return new Response(status: Response::HTTP_NO_CONTENT);
    }
}
