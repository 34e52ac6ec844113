<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * Resonate 0.4: a rejected connection gets an error but is still served, and the channel of a client event is looked up in
 * the current application of the channel manager.
 */
class Server
{
    use Protocol;

    public function open(Connection $connection): void
    {
        $why = $this->rejection($connection);

        $why === null ? $this->admit($connection) : $this->refuse($connection, $why);
    }

    protected function channelOf(Connection $from, string $name): ?Channel
    {
        return $this->channels->find($name);
    }
}
