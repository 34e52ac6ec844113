<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Managers;

use Laravel\Reverb\Application;
use Laravel\Reverb\Contracts\Connection;
use Laravel\Reverb\Protocols\Pusher\Channels\Channel;
use Laravel\Reverb\Protocols\Pusher\Channels\ChannelBroker;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelManager;

/**
 * The channels of all applications. All callers share its current application.
 */
class ArrayChannelManager implements ChannelManager
{
    /**
     * @var array<string, array<string, Channel>>
     */
    private array $channels = [];

    private ?Application $application = null;

    public function app(): ?Application
    {
        return $this->application;
    }

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

    public function connections(?string $channel = null): array
    {
        $connections = [];

        foreach ($channel === null ? $this->all() : array_filter([$this->find($channel)]) as $each) {
            $connections += $each->connections();
        }

        return $connections;
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
