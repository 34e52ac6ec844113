<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Contracts\Container\Container;
use Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * The way from anywhere in the Resonate process to the plugin that runs there.
 */
class Webhooks
{
    /**
     * Create a new way to the plugin.
     */
    public function __construct(protected Container $container)
    {
        //
    }

    /**
     * Send an event of the application's own to the endpoints that ask for it, by the same way as all others.
     *
     * @param  string  $event  A name with a full stop in it, as `order.paid`.
     * @param  string  $app  The id of the Resonate application whose endpoints get it, and whose secret signs it.
     * @param  string|null  $channel  The channel that it is about, if it is about one.
     * @param  mixed  $data  Whatever JSON can express; null for none.
     * @return bool Whether an endpoint asks for events of this name; if none does, nothing is sent.
     *
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        if (! $this->container->bound(WebhookPlugin::class)) {
            throw ServerNotRunning::inThisProcess();
        }

        return $this->container->make(WebhookPlugin::class)->send($event, $app, $channel, $data);
    }
}
