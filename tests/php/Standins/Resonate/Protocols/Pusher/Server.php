<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher;

use Revolt\EventLoop;
use RuntimeException;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * Resonate 0.7: who is rejected is closed and no plugin hears of it, names and subscriptions have limits, and while
 * plugins look at a subscription, what is broadcast to it waits, and so does its end.
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
     * A limit of the server, none when it is 0.
     */
    private function limit(string $name, int $default): int
    {
        return (int) config("reverb.servers.reverb.{$name}", $default) ?: PHP_INT_MAX;
    }
}
