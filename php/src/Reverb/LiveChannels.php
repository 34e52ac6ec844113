<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Laravel\Reverb\Protocols\Pusher\Channels\ChannelConnection;
use Laravel\Reverb\Protocols\Pusher\Contracts\ChannelConnectionManager;
use WeakReference;

/**
 * Keeps the channels of this process that have members.
 *
 * Reverb has one connection manager per channel and drops it with the channel. The references are weak, so that a dropped
 * channel has no members here.
 */
final class LiveChannels
{
    /**
     * The connection managers by application and channel.
     *
     * @var array<array-key, array<array-key, WeakReference<ChannelConnectionManager>>>
     */
    private array $channels = [];

    /**
     * Add a channel that has a new member.
     */
    public function joined(string $appId, string $channel, ChannelConnectionManager $connections): void
    {
        if (($this->channels[$appId][$channel] ?? null)?->get() !== $connections) {
            $this->channels[$appId][$channel] = WeakReference::create($connections);
        }
    }

    /**
     * Remove a channel whose last member has left.
     */
    public function left(string $appId, string $channel, ChannelConnectionManager $connections): void
    {
        if ($connections->isEmpty() && ($this->channels[$appId][$channel] ?? null)?->get() === $connections) {
            unset($this->channels[$appId][$channel]);
        }
    }

    /**
     * Get the channels of an application by name.
     *
     * @return array<array-key, mixed>
     */
    public function of(string $appId): array
    {
        return $this->channels[$appId] ?? [];
    }

    /**
     * Get the members of a channel by socket ID.
     *
     * @return array<string, ChannelConnection>
     */
    public function members(string $appId, string $channel): array
    {
        return ($this->channels[$appId][$channel] ?? null)?->get()?->all() ?? [];
    }

    /**
     * Hide the connections in dumps, since their applications have secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['channels' => array_map(count(...), $this->channels)];
    }
}
