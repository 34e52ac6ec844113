<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use Webpatser\Resonate\Contracts\Connection;

/**
 * A channel that keeps its last event for later subscribers.
 */
class CacheChannel extends Channel
{
    protected ?array $payload = null;

    public function broadcast(array $payload, ?Connection $except = null): void
    {
        $this->payload = $payload;

        parent::broadcast($payload, $except);
    }

    public function hasCachedPayload(): bool
    {
        return $this->payload !== null;
    }

    public function cachedPayload(): ?array
    {
        return $this->payload;
    }
}
