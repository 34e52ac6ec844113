<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Illuminate\Contracts\Container\Container;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Events\MessageReceived;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use Throwable;
use Webpatser\ResonateWebhooks\Hosts\Listeners;
use Webpatser\ResonateWebhooks\Hosts\Node;
use Webpatser\ResonateWebhooks\PresenceUser;

/**
 * Reports the client events that Reverb relays, with the data that the client sent.
 *
 * `MessageReceived` follows every message that was handled without an exception, including those that Reverb refused with an
 * error. This class therefore repeats Reverb's conditions for relaying.
 */
final readonly class ClientEvents
{
    /**
     * Create a new instance.
     */
    public function __construct(
        private Container $container,
        private Node $node,
        private LiveChannels $channels,
        private Guard $guard,
    ) {
        //
    }

    /**
     * Register a listener before all others.
     */
    public function listen(): void
    {
        Listeners::prepend($this->container->make('events'), MessageReceived::class, $this->received(...));
    }

    /**
     * Report a message if it is a client event that Reverb relayed and its sender is on the channel.
     *
     * Exceptions are caught, because the client would get them as an error.
     */
    public function received(MessageReceived $received): void
    {
        try {
            if ($this->node->engine !== null && ($event = $this->clientEvent($received->message)) !== null) {
                $this->report($received, $event);
            }
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * Decode a client event; null for other messages.
     *
     * @return array{channel: string, channels?: mixed}|null
     */
    private function clientEvent(string $message): ?array
    {
        // The name may contain JSON escapes.
        if (! str_contains($message, 'client-') && ! str_contains($message, '\\u')) {
            return null;
        }

        $event = json_decode($message, associative: true);
        $name = $event['event'] ?? null;

        return is_string($name) && str_starts_with($name, 'client-') && is_string($event['channel'] ?? null) ? $event : null;
    }

    /**
     * Report a client event that was relayed to other members.
     *
     * @param  array{channel: string, channels?: mixed}  $event
     */
    private function report(MessageReceived $received, array $event): void
    {
        $channel = $event['channel'];
        $from = $received->connection;
        $app = $from->app();
        $member = $this->channels->members($app->id(), $channel)[$from->id()] ?? null;

        if ($member !== null && $this->wasRelayed($from, $event)) {
            $this->node->engine->clientEvent(
                $app->id(),
                $channel,
                $from->id(),
                $received->message,
                PresenceUser::idOn($channel, $member),
            );
        }
    }

    /**
     * Determine if Reverb has relayed the client event of a member.
     *
     * If only members may send, Reverb looks up the sender in the application that its channel manager used last. When it relays,
     * it switches the manager to the sender's application. A different application means that the sender was not found. If all may
     * send, it relays to the channels under the key `channels`, if the message has it.
     *
     * @param  array{channel: string, channels?: mixed}  $event
     */
    private function wasRelayed(Connection $from, array $event): bool
    {
        $app = $from->app();

        return match ($app->acceptClientEventsFrom()) {
            'all' => ! isset($event['channels']),
            'members' => $this->container->make(ChannelManager::class)->app()?->id() === $app->id(),
            default => false,
        };
    }

    /**
     * Hide the node in dumps, since it refers to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
