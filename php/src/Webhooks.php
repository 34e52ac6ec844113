<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Contracts\Container\Container;
use Illuminate\Support\LazyCollection;
use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\Support\EventSender;

/**
 * Sends custom events and tells who is connected, from any process with the extension.
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
     * Send a custom event to the endpoints that list it, in order with the other events of its channel.
     *
     * In a server process, the event joins the engine's queue without waiting. In any other process, such as
     * a request, a queue worker or a command, it is in Redis when this returns. Each step of that takes at
     * most `connection.timeout`.
     *
     * @param  string  $event  A name with a dot, such as `order.paid`.
     * @param  string  $app  The ID of the application whose endpoints receive the event, and whose secret signs it.
     * @param  string|null  $channel  The channel of the event, if it has one.
     * @param  mixed  $data  Any value that JSON can encode; null for none.
     * @return bool False if no endpoint lists the event, or its channel is ignored. Then nothing is sent.
     *
     * @throws EventNotSent If the event is valid but cannot be sent.
     * @throws WebhooksException
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        // Only a server process has a node in the container.
        $sender = $this->container->bound(Node::class) ? Node::class : EventSender::class;

        return $this->container->make($sender)->send($event, $app, $channel, $data);
    }

    /**
     * Get the presence of an application: its occupied channels on all servers, their members and their counts.
     *
     * Its methods wait for Redis, so do not call them in the event loop of a server.
     */
    public function app(string $id): AppPresence
    {
        return new AppPresence($this->presence(), $id);
    }

    /**
     * Get the occupied channels of an application that begin with a prefix; see {@see AppPresence::channels()}.
     *
     * @return LazyCollection<int, string>
     */
    public function channels(string $app, string $prefix = ''): LazyCollection
    {
        return $this->app($app)->channels($prefix);
    }

    /**
     * Get the reader of presence.
     */
    protected function presence(): Presence
    {
        return $this->container->make(Presence::class);
    }
}
