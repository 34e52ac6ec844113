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
 * `MessageReceived` follows each message that was handled without an exception, also one that was refused with an error. So
 * the rule by which Reverb relays is applied again here.
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
     * Listen before all other listeners.
     */
    public function listen(): void
    {
        Listeners::prepend($this->container->make('events'), MessageReceived::class, $this->received(...));
    }

    /**
     * Report a message, if it is a client event that was relayed and its sender is on the channel.
     *
     * An exception would reach the client as an error.
     */
    public function received(MessageReceived $received): void
    {
        try {
            if ($this->node->engine !== null && ($channel = $this->channel($received->message)) !== null) {
                $this->report($received, $channel);
            }
        } catch (Throwable $e) {
            $this->guard->report($e);
        }
    }

    /**
     * The channel of a client event; null for another message.
     */
    private function channel(string $message): ?string
    {
        // Its name may be written with escapes.
        if (! str_contains($message, 'client-') && ! str_contains($message, '\\u')) {
            return null;
        }

        $event = json_decode($message, associative: true);
        $name = $event['event'] ?? null;
        $channel = $event['channel'] ?? null;

        return is_string($name) && str_starts_with($name, 'client-') && is_string($channel) ? $channel : null;
    }

    /**
     * Report a client event that was relayed to other members.
     */
    private function report(MessageReceived $received, string $channel): void
    {
        $from = $received->connection;
        $app = $from->app();
        $member = $this->channels->members($app->id(), $channel)[$from->id()] ?? null;

        if ($member !== null && $this->wasRelayed($from)) {
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
     * Where only members may send, Reverb looks for the sender in the application that its channel manager was last asked
     * about, and asks it about the sender's when it relays. So that is still another one if Reverb did not find the sender.
     */
    private function wasRelayed(Connection $from): bool
    {
        $app = $from->app();

        return match ($app->acceptClientEventsFrom()) {
            'all' => true,
            'members' => $this->container->make(ChannelManager::class)->app()?->id() === $app->id(),
            default => false,
        };
    }

    /**
     * Keep what hangs on the node, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return [];
    }
}
