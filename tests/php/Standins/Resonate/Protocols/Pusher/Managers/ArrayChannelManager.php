<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Managers;

use Webpatser\Resonate\Application;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelBroker;
use Webpatser\Resonate\Protocols\Pusher\Contracts\ChannelManager;

/**
 * The channels of this process, by application.
 *
 * Like the real one, it is a single object with one current application:
 * without `for()`, a caller gets the channels of the previous caller.
 */
class ArrayChannelManager implements ChannelManager
{
    /**
     * @var array<string, array<string, Channel>>
     */
    protected array $channels = [];

    protected Application $application;

    public function for(Application $application): ChannelManager
    {
        $this->application = $application;

        return $this;
    }

    public function all(): array
    {
        return $this->channels[$this->application->id()] ?? [];
    }

    public function find(string $channel): ?Channel
    {
        return $this->all()[$channel] ?? null;
    }

    public function findOrCreate(string $channel): Channel
    {
        return $this->channels[$this->application->id()][$channel] ??= ChannelBroker::create($channel);
    }

    public function addConnection(Connection $connection): void
    {
        //
    }

    public function incrementConnectionCount(): void
    {
        //
    }

    public function unsubscribeFromAll(Connection $connection): void
    {
        foreach ($this->all() as $channel) {
            $channel->unsubscribe($connection);
        }
    }

    public function remove(Channel $channel): void
    {
        unset($this->channels[$this->application->id()][$channel->name()]);
    }
}
