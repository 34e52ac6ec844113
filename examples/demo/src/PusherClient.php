<?php

declare(strict_types=1);

namespace Demo;

use Closure;
use Tests\Support\Client;

/**
 * A client of the Pusher protocol. It signs its own authorization, as the backend of the application would.
 */
final readonly class PusherClient implements Client
{
    /**
     * @param  Closure(?string): void  $send  Sends a message, or closes the connection.
     */
    public function __construct(private Node $node, private string $app, private string $id, private Closure $send) {}

    public function subscribe(string $channel, ?array $user = null): self
    {
        $data = $user === null ? null : json_encode($user, JSON_THROW_ON_ERROR);
        $signature = hash_hmac('sha256', implode(':', array_filter([$this->id, $channel, $data])), "secret-{$this->app}");

        return $this->send('subscribe', $channel, [
            'event' => 'pusher:subscribe',
            'data' => array_filter(['channel' => $channel, 'auth' => "key-{$this->app}:{$signature}", 'channel_data' => $data]),
        ]);
    }

    public function unsubscribe(string $channel): self
    {
        return $this->send('unsubscribe', $channel, ['event' => 'pusher:unsubscribe', 'data' => ['channel' => $channel]]);
    }

    public function whisper(string $channel, string $event, mixed $data = null): self
    {
        return $this->send('whisper', $channel, compact('event', 'channel', 'data'));
    }

    public function close(): void
    {
        ($this->send)(null);
        $this->node->await('close', $this->id);
    }

    /**
     * @param  array<string, mixed>  $message
     */
    private function send(string $hook, string $channel, array $message): self
    {
        ($this->send)(json_encode($message, JSON_THROW_ON_ERROR));
        $this->node->await($hook, $this->id, $channel);

        return $this;
    }
}
