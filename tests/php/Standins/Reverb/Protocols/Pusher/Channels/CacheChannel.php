<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

use Laravel\Reverb\Contracts\Connection;

/**
 * A channel that keeps its last message for later subscribers.
 */
class CacheChannel extends Channel
{
    /**
     * @var array<string, mixed>|null
     */
    private ?array $payload = null;

    public function broadcast(array $payload, ?Connection $except = null): void
    {
        $this->payload = $payload;

        parent::broadcast($payload, $except);
    }

    public function hasCachedPayload(): bool
    {
        return $this->payload !== null;
    }

    /**
     * @return array<string, mixed>|null
     */
    public function cachedPayload(): ?array
    {
        return $this->payload;
    }
}
