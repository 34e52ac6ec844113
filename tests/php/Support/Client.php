<?php

declare(strict_types=1);

namespace Tests\Support;

/**
 * A client of a server. Each method returns after the server has run its hooks for the message.
 */
interface Client
{
    /**
     * Subscribe to a channel; to a presence channel as a user.
     *
     * @param  array<string, mixed>|null  $user  The `channel_data`.
     */
    public function subscribe(string $channel, ?array $user = null): self;

    /**
     * Unsubscribe from a channel.
     */
    public function unsubscribe(string $channel): self;

    /**
     * Send a client event.
     */
    public function whisper(string $channel, string $event, mixed $data = null): self;

    /**
     * Disconnect.
     */
    public function close(): void;
}
