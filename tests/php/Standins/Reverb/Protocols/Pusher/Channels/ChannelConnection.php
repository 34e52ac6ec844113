<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

use Laravel\Reverb\Contracts\Connection;

/**
 * A connection on a channel, with its `channel_data`.
 */
class ChannelConnection
{
    /**
     * @param  array<string, mixed>  $data
     */
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
        return $key === null ? $this->data : $this->data[$key] ?? null;
    }
}
