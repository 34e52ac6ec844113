<?php

declare(strict_types=1);

namespace Demo\Driver;

use Demo\Process\Node;
use Demo\Process\Port;
use Demo\Script\Action;
use Demo\Script\Tab;
use Demo\Script\Verb;

/**
 * Connects to the real Resonate over WebSockets, as browsers do.
 */
final class ResonateDriver implements Driver
{
    /**
     * @var array<string, PusherClient> by tab
     */
    private array $clients = [];

    public function describe(): string
    {
        return 'the real Resonate and its roster, with WebSocket clients';
    }

    public function awaitReady(Node $node): void
    {
        Port::await($node->port, $node->process);
    }

    public function open(Node $node, Tab $tab): string
    {
        return ($this->clients[$tab->name] = PusherClient::connect($node->port, $tab))->socketId;
    }

    public function perform(Node $node, Action $action): void
    {
        $client = $this->clients[$action->tab->name];

        match ($action->verb) {
            Verb::Open => null,
            Verb::Subscribe => $client->subscribe($action->channel),
            Verb::Whisper => $client->send($action->event, $action->data, $action->channel),
            Verb::Unsubscribe => $client->send('pusher:unsubscribe', ['channel' => $action->channel]),
            Verb::Close => $client->close(),
        };
    }
}
