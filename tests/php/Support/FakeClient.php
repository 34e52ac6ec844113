<?php

declare(strict_types=1);

namespace Tests\Support;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

/**
 * A scripted client. Its messages go through the protocol.
 */
class FakeClient implements Client
{
    private bool $closed = false;

    /**
     * Connect to a server, Resonate's or Reverb's.
     */
    public function __construct(protected object $server, public readonly object $connection)
    {
        $server->open($connection);
    }

    /**
     * Get the socket ID.
     */
    public function id(): string
    {
        return $this->connection->id();
    }

    /**
     * Subscribe to a channel, with the signature of the application's backend. Presence channels require a user.
     *
     * @param  array<string, mixed>|null  $user  The `channel_data`.
     */
    public function subscribe(string $channel, ?array $user = null): self
    {
        return $this->subscribeWith($channel, $user === null ? null : json_encode($user, JSON_PRESERVE_ZERO_FRACTION));
    }

    /**
     * Subscribe to a channel with the given `channel_data`.
     */
    public function subscribeWith(string $channel, ?string $data): self
    {
        return $this->send('pusher:subscribe', null, [
            'channel' => $channel,
            'auth' => $this->signature($channel, $data),
            'channel_data' => $data,
        ]);
    }

    private function signature(string $channel, ?string $data): string
    {
        $app = $this->connection->app();
        $signed = implode(':', array_filter([$this->id(), $channel, $data]));

        return $app->key().':'.hash_hmac('sha256', $signed, $app->secret());
    }

    /**
     * Subscribe to a channel without calling hooks.
     *
     * @param  array<string, mixed>|null  $user
     */
    public function subscribeUnnoticed(string $channel, ?array $user = null): self
    {
        $data = $user === null ? null : json_encode($user);
        $entered = app(ChannelManager::class)->for($this->connection->app())->findOrCreate($channel);
        $entered->subscribe($this->connection, $this->signature($channel, $data), $data);

        return $this;
    }

    /**
     * Subscribe to a presence channel as a user.
     */
    public function join(string $channel, mixed $userId): self
    {
        return $this->subscribe($channel, ['user_id' => $userId, 'user_info' => ['name' => 'Somebody']]);
    }

    /**
     * Unsubscribe from a channel, even if the client is not subscribed.
     */
    public function unsubscribe(string $channel): self
    {
        return $this->send('pusher:unsubscribe', null, ['channel' => $channel]);
    }

    /**
     * Send a client event.
     */
    public function whisper(string $channel, string $event, mixed $data = null): self
    {
        return $this->send($event, $channel, $data);
    }

    /**
     * Send a message.
     */
    public function send(string $event, mixed $channel, mixed $data): self
    {
        return $this->raw((string) json_encode(compact('event', 'channel', 'data'), JSON_PRESERVE_ZERO_FRACTION));
    }

    /**
     * Send raw bytes.
     */
    public function raw(string $message): self
    {
        $this->server->message($this->connection, $message);

        return $this;
    }

    /**
     * Remove the client from a channel without calling hooks.
     */
    public function removeFrom(string $channel): self
    {
        app(PluginContext::class)->unsubscribe($this->connection, $channel);

        return $this;
    }

    /**
     * Disconnect, once.
     */
    public function close(): void
    {
        if (! $this->closed) {
            $this->closed = true;
            $this->server->close($this->connection);
        }
    }

    /**
     * Get the received messages, by event name.
     *
     * @return list<array<string, mixed>>
     */
    public function received(string $event): array
    {
        return array_values(array_filter($this->connection->received, fn (array $message) => $message['event'] === $event));
    }
}
