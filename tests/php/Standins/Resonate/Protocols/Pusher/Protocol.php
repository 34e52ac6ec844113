<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher;

use Illuminate\Support\Facades\Validator;
use RuntimeException;
use Throwable;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginManager;
use Webpatser\Resonate\Protocols\Pusher\Channels\CacheChannel;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

/**
 * The protocol as plugins see it: the order of actions around the hooks, in every release.
 */
trait Protocol
{
    public function __construct(protected ChannelManager $channels, protected PluginManager $plugins)
    {
        //
    }

    /**
     * Handle a message. Plugins get it before it is validated.
     */
    public function message(Connection $from, string $message): void
    {
        try {
            if (($limit = $from->app()->maxMessageSize()) > 0 && strlen($message) > $limit) {
                throw new RuntimeException('The message is too long.');
            }

            $event = json_decode($message, true, flags: JSON_THROW_ON_ERROR);

            if (is_string($event['data'] ?? null) && json_validate($event['data'])) {
                $event['data'] = json_decode($event['data'], true, flags: JSON_THROW_ON_ERROR);
            }

            Validator::make($event, ['event' => ['required', 'string']])->validate();

            if ($this->plugins->interceptMessage($from, $event) === MessageDisposition::Relay) {
                $this->route($from, $event);

                MessageReceived::dispatch($from, $message);
            }
        } catch (Throwable $e) {
            $this->refuse($from, $e->getMessage());
        }
    }

    /**
     * Handle a disconnection. Plugins are called after the connection has left every channel.
     */
    public function close(Connection $connection): void
    {
        $this->channels->for($connection->app())->unsubscribeFromAll($connection);
        $connection->disconnect();
        $this->plugins->notifyClose($connection);
    }

    /**
     * Get the reason to reject a connection; null to accept it.
     */
    protected function rejection(Connection $connection): ?string
    {
        return in_array('*', $connection->app()->allowedOrigins(), true) ? null : 'Origin not allowed.';
    }

    protected function admit(Connection $connection): void
    {
        $this->send($connection, 'pusher:connection_established', ['socket_id' => $connection->id()]);
        $this->plugins->notifyOpen($connection);
    }

    /**
     * @param  array<string, mixed>  $event
     */
    protected function route(Connection $from, array $event): void
    {
        $data = $event['data'] ?? [];

        match ($event['event']) {
            'pusher:subscribe' => $this->subscribe($from, $data['channel'], $data['auth'] ?? null, $data['channel_data'] ?? null),
            'pusher:unsubscribe' => $this->unsubscribe($from, $data['channel']),
            'pusher:ping' => $this->send($from, 'pusher:pong'),
            default => $this->relay($from, $event),
        };
    }

    protected function subscribe(Connection $connection, string $name, ?string $auth, ?string $data): void
    {
        $channel = $this->channels->for($connection->app())->findOrCreate($name);
        $channel->subscribe($connection, $auth, $data);

        $this->send($connection, 'pusher_internal:subscription_succeeded', $channel->data(), $name);

        if ($channel instanceof CacheChannel && ! $channel->hasCachedPayload()) {
            $this->send($connection, 'pusher:cache_miss', channel: $name);
        }

        $this->plugins->notifySubscribe($connection, $channel);
    }

    /**
     * Remove a connection from a channel. Plugins are called even if it was not subscribed.
     */
    protected function unsubscribe(Connection $connection, string $name): void
    {
        $channel = $this->channels->for($connection->app())->find($name);

        if ($channel !== null) {
            $channel->unsubscribe($connection);
            $this->plugins->notifyUnsubscribe($connection, $channel);
        }
    }

    /**
     * Relay a client event if it is allowed. Otherwise the client gets an error, and the message still counts as handled.
     *
     * @param  array<string, mixed>  $event
     */
    protected function relay(Connection $from, array $event): void
    {
        Validator::make($event, [
            'channel' => ['required', 'string'],
            'data' => ['nullable', 'array'],
        ])->validate();

        if (! str_starts_with($event['event'], 'client-')) {
            return;
        }

        $channel = $this->channelOf($from, $event['channel']);

        match (true) {
            ! in_array($from->app()->acceptClientEventsFrom(), ['all', 'members'], true) => $this->refuse($from, 'The app does not have client messaging enabled.'),
            preg_match('/^(private|presence)-/', $event['channel']) !== 1 => $this->refuse($from, 'Client events are only allowed on private and presence channels.'),
            $channel?->find($from) === null => $this->refuse($from, 'The client is not a member of the specified channel.'),
            default => $channel->broadcast([
                'event' => $event['event'],
                'channel' => $event['channel'],
                'data' => $event['data'] ?? null,
            ], $from),
        };
    }

    /**
     * Get the channel of a client event.
     */
    protected function channelOf(Connection $from, string $name): ?Channel
    {
        return $this->channels->for($from->app())->find($name);
    }

    protected function refuse(Connection $connection, string $why): void
    {
        $this->send($connection, 'pusher:error', ['message' => $why]);
    }

    /**
     * @param  array<string, mixed>  $data
     */
    protected function send(Connection $connection, string $event, array $data = [], ?string $channel = null): void
    {
        $connection->send(json_encode(array_filter([
            'event' => $event,
            'data' => $data === [] ? null : json_encode($data),
            'channel' => $channel,
        ])));
    }
}
