<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher;

use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Events\MessageReceived;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;
use RuntimeException;
use Throwable;

/**
 * Handles connections and messages. A rejected connection gets an error, but stays open.
 */
class Server
{
    public function __construct(protected ChannelManager $channels, protected EventHandler $handler)
    {
        //
    }

    public function open(Connection $connection): void
    {
        $this->handler->handle($connection, 'pusher:connection_established');
    }

    public function message(Connection $from, string $message): void
    {
        try {
            $event = json_decode($message, true, flags: JSON_THROW_ON_ERROR);

            if (is_string($event['data'] ?? null) && json_validate($event['data'])) {
                $event['data'] = json_decode($event['data'], true, flags: JSON_THROW_ON_ERROR);
            }

            if (! is_string($event['event'] ?? null)) {
                throw new RuntimeException('The event field is required.');
            }

            str_starts_with($event['event'], 'pusher:')
                ? $this->handler->handle($from, $event['event'], $event['data'] ?? [] ?: [])
                : ClientEvent::handle($from, $event);

            MessageReceived::dispatch($from, $message);
        } catch (Throwable) {
            $from->send((string) json_encode(['event' => 'pusher:error', 'data' => json_encode(['code' => 4200, 'message' => 'Invalid message format'])]));
        }
    }

    public function close(Connection $connection): void
    {
        $this->channels->for($connection->app())->unsubscribeFromAll($connection);

        $connection->disconnect();
    }
}
