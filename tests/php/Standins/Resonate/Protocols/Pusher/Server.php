<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher;

use Revolt\EventLoop;
use RuntimeException;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * Resonate 0.7: a rejected connection is closed and plugins are not called, names and subscriptions have limits, and during
 * the hooks of a subscription, its broadcasts and its end wait.
 */
class Server
{
    use Protocol {
        subscribe as private enter;
        unsubscribe as private leave;
    }

    public function open(Connection $connection): bool
    {
        if (($why = $this->rejection($connection)) !== null) {
            $this->refuse($connection, $why);
            $connection->terminate();

            return false;
        }

        $this->admit($connection);

        return true;
    }

    protected function subscribe(Connection $connection, string $name, ?string $auth, ?string $data): void
    {
        $longest = $this->limit('max_channel_name_length', 255);
        $most = $this->limit('max_subscriptions_per_connection', 250);
        $channels = $this->channels->for($connection->app());

        if (mb_strlen($name) > $longest) {
            throw new RuntimeException('The channel name is too long.');
        }

        if ($most < PHP_INT_MAX && $channels->find($name)?->find($connection) === null
            && count(array_filter($channels->all(), fn (Channel $channel) => $channel->find($connection) !== null)) >= $most) {
            throw new RuntimeException('The connection has too many subscriptions.');
        }

        $channel = $channels->findOrCreate($name);
        $channel->hold($connection);

        try {
            $this->enter($connection, $name, $auth, $data);
        } finally {
            $channel->release($connection);
        }
    }

    protected function unsubscribe(Connection $connection, string $name): void
    {
        while ($this->channels->for($connection->app())->find($name)?->holds($connection)) {
            $turn = EventLoop::getSuspension();
            EventLoop::queue($turn->resume(...));
            $turn->suspend();
        }

        $this->leave($connection, $name);
    }

    /**
     * Get a limit of the server; 0 means none.
     */
    private function limit(string $name, int $default): int
    {
        return (int) config("reverb.servers.reverb.{$name}", $default) ?: PHP_INT_MAX;
    }
}
