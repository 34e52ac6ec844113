<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

/**
 * Resonate 0.4: who is rejected is told so and served all the same, and client events look for their channel in whichever
 * application was asked about last.
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
