<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Contracts\Container\Container;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Support\EventSender;

/**
 * Sends events of the application's own, from any process that has the extension.
 */
class Webhooks
{
    /**
     * Create a new instance.
     */
    public function __construct(protected Container $container)
    {
        //
    }

    /**
     * Send an event of the application's own to the endpoints that ask for it, in the order of its channel.
     *
     * In a server process the event joins the engine's queue, and nothing waits. Everywhere else, in a
     * request, a queue worker or a command, it is in Redis when this returns: no step of that takes
     * longer than `connection.timeout`.
     *
     * @param  string  $event  A name with a full stop in it, as `order.paid`.
     * @param  string  $app  The id of the Resonate application whose endpoints get it, and whose secret signs it.
     * @param  string|null  $channel  The channel that it is about, if it is about one.
     * @param  mixed  $data  Whatever JSON can express; null for none.
     * @return bool Whether an endpoint asks for events of this name, and the channel is not ignored; if not, nothing is sent.
     *
     * @throws EventNotSent When the event is valid and cannot be sent.
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        // A server has its node in the container.
        $sender = $this->container->bound(Node::class) ? Node::class : EventSender::class;

        return $this->container->make($sender)->send($event, $app, $channel, $data);
    }
}
