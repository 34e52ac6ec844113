<?php

declare(strict_types=1);

namespace Demo\Driver;

use Demo\App;
use Demo\Script\Tab;
use RuntimeException;

/**
 * The client's half of the Pusher protocol, with the authorization that the application's backend
 * would give: https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol
 */
final readonly class PusherClient
{
    private function __construct(
        private WebSocket $socket,
        private App $app,
        private Tab $tab,
        public string $socketId,
    ) {}

    /**
     * Connect and learn the socket id.
     */
    public static function connect(int $port, Tab $tab): self
    {
        $app = new App($tab->app);
        $socket = WebSocket::connect($port, "/app/{$app->key}?protocol=7&client=demo&version=1");

        ['event' => $event, 'data' => $data] = json_decode($socket->receive(), true, flags: JSON_THROW_ON_ERROR);

        if ($event !== 'pusher:connection_established') {
            throw new RuntimeException("{$tab->name} was greeted with {$event}: {$data}");
        }

        $client = new self($socket, $app, $tab, json_decode($data, true, flags: JSON_THROW_ON_ERROR)['socket_id']);
        $socket->onMessage($client->hear(...));

        return $client;
    }

    /**
     * Ask for a subscription, signed where the channel wants it.
     */
    public function subscribe(string $channel): void
    {
        $data = str_starts_with($channel, 'presence-')
            ? json_encode(['user_id' => $this->tab->user, 'user_info' => ['name' => "User {$this->tab->user}"]])
            : null;
        $signed = implode(':', array_filter([$this->socketId, $channel, $data]));

        $this->send('pusher:subscribe', array_filter([
            'channel' => $channel,
            'auth' => $this->app->key.':'.hash_hmac('sha256', $signed, $this->app->secret),
            'channel_data' => $data,
        ]));
    }

    /**
     * Send a message of the protocol, or a client event to a channel.
     *
     * @param  array<string, mixed>  $data
     */
    public function send(string $event, array $data, ?string $channel = null): void
    {
        $this->socket->send(json_encode(array_filter(compact('event', 'data', 'channel')), JSON_THROW_ON_ERROR));
    }

    /**
     * Be gone.
     */
    public function close(): void
    {
        $this->socket->close();
    }

    /**
     * Nobody in the script listens; but what it says must not be refused.
     */
    private function hear(string $message): void
    {
        $message = json_decode($message, true, flags: JSON_THROW_ON_ERROR);

        if ($message['event'] === 'pusher:error') {
            throw new RuntimeException("{$this->tab->name} was told: {$message['data']}");
        }
    }
}
