<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use Illuminate\Support\Arr;
use Webpatser\Resonate\Contracts\Connection;

/**
 * A connection on a channel, with its `channel_data`.
 */
class ChannelConnection
{
    public function __construct(protected Connection $connection, protected array $data = [])
    {
        //
    }

    public function connection(): Connection
    {
        return $this->connection;
    }

    public function data(?string $key = null): mixed
    {
        return $key === null ? $this->data : Arr::get($this->data, $key);
    }

    public function send(string $message): void
    {
        $this->connection->send($message);
    }
}
