<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

/**
 * A public channel and its connections.
 */
class Channel
{
    /**
     * @var array<string, ChannelConnection>
     */
    protected array $members = [];

    /**
     * The broadcasts to connections whose subscription is still in the hooks of plugins.
     *
     * @var array<string, list<array<string, mixed>>>
     */
    protected array $held = [];

    public function __construct(protected string $name)
    {
        //
    }

    public function name(): string
    {
        return $this->name;
    }

    /**
     * @return array<string, ChannelConnection>
     */
    public function connections(): array
    {
        return $this->members;
    }

    public function find(Connection $connection): ?ChannelConnection
    {
        return $this->members[$connection->id()] ?? null;
    }

    public function subscribe(Connection $connection, ?string $auth = null, ?string $data = null): void
    {
        $data = $data ? json_decode($data, true, flags: JSON_THROW_ON_ERROR) : [];

        $this->members[$connection->id()] = new ChannelConnection($connection, $data);
    }

    public function unsubscribe(Connection $connection): void
    {
        unset($this->members[$connection->id()]);

        if ($this->members === []) {
            app(ChannelManager::class)->for($connection->app())->remove($this);
        }
    }

    public function hold(Connection $connection): void
    {
        $this->held[$connection->id()] ??= [];
    }

    public function holds(Connection $connection): bool
    {
        return isset($this->held[$connection->id()]);
    }

    public function release(Connection $connection): void
    {
        foreach ($this->held[$connection->id()] as $payload) {
            $connection->send(json_encode($payload));
        }

        unset($this->held[$connection->id()]);
    }

    public function broadcast(array $payload, ?Connection $except = null): void
    {
        foreach ($this->members as $id => $member) {
            if ($member->connection() === $except) {
                continue;
            }

            if (isset($this->held[$id])) {
                $this->held[$id][] = $payload;
            } else {
                $member->send(json_encode($payload));
            }
        }
    }

    /**
     * @return array<string, mixed>
     */
    public function data(): array
    {
        return [];
    }
}
