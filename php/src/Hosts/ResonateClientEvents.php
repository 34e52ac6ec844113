<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Illuminate\Contracts\Events\Dispatcher;
use Throwable;
use WeakMap;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;
use Webpatser\ResonateWebhooks\PresenceUser;
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Reports the client events that Resonate relays, with the data that the client sent.
 *
 * A plugin gets the decoded message, before later plugins have accepted it. `MessageReceived` follows after all have
 * accepted it, with the client's own bytes. This class keeps the channel between the two.
 */
final class ResonateClientEvents
{
    /**
     * The channel of each connection's latest message, if it is a client event.
     *
     * @var WeakMap<Connection, string>
     */
    private WeakMap $channels;

    /**
     * True if Resonate looks up the channel of a client event in the application that its channel manager used last.
     */
    private readonly bool $sharesScope;

    /**
     * Create a new instance.
     */
    public function __construct(private readonly Node $node, private readonly PluginContext $context)
    {
        $this->channels = new WeakMap;
        // 0.6 added this method when it made the scope of the manager immutable.
        $this->sharesScope = ! method_exists(ChannelManager::class, 'addConnection');
    }

    /**
     * Register a listener before all others.
     */
    public function listen(Dispatcher $events): void
    {
        Listeners::prepend($events, MessageReceived::class, $this->report(...));
    }

    /**
     * Remember the channel of a client event that Resonate relays unless a plugin rejects it.
     *
     * @param  array{event?: mixed, channel?: mixed}  $event
     */
    public function remember(Connection $from, array $event): void
    {
        $name = $event['event'] ?? null;
        $channel = $event['channel'] ?? null;

        if (! is_string($name) || ! str_starts_with($name, 'client-') || ! is_string($channel)
            || ! (str_starts_with($channel, 'private-') || str_starts_with($channel, 'presence-'))) {
            unset($this->channels[$from]);

            return;
        }

        $this->channels[$from] = $channel;

        if ($this->sharesScope) {
            // With several applications, the messages of others would make Resonate miss the channel.
            $this->member($from, $channel);
        }
    }

    /**
     * Report a message that all plugins have accepted, if its sender is on the channel. Resonate relays it on the same condition.
     *
     * Exceptions are caught, because the client would get them as an error.
     */
    public function report(MessageReceived $received): void
    {
        $from = $received->connection;

        if (($channel = $this->channels[$from] ?? null) === null) {
            return;
        }

        try {
            $app = $from->app();

            if (in_array($app->acceptClientEventsFrom(), ['all', 'members'], true)
                && ($member = $this->member($from, $channel)) !== null) {
                $this->node->engine->clientEvent(
                    $app->id(),
                    $channel,
                    $from->id(),
                    $received->message,
                    PresenceUser::idOn($channel, $member),
                );
            }
        } catch (Throwable $e) {
            ServerLog::error('Resonate webhooks: a client event was not reported: '.$e->getMessage(), ['exception' => $e]);
        }
    }

    /**
     * Get the sender as a member of a channel.
     */
    private function member(Connection $from, string $channel): ?ChannelConnection
    {
        return $this->context->connectionsOn($from->app(), $channel)[$from->id()] ?? null;
    }

    /**
     * Hide connections and context in dumps, since they refer to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['channels' => count($this->channels)];
    }
}
