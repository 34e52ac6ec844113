<?php

declare(strict_types=1);

namespace Webpatser\Resonate;

/**
 * A snapshot of an application.
 */
class Application
{
    /**
     * Create a new application instance.
     */
    public function __construct(
        protected string $id,
        protected string $key,
        protected string $secret,
        protected int $pingInterval,
        protected int $activityTimeout,
        protected array $allowedOrigins,
        protected int $maxMessageSize,
        protected ?int $maxConnections = null,
        protected string $acceptClientEventsFrom = 'members',
        protected ?array $rateLimiting = null,
        protected array $options = [],
    ) {
        //
    }

    public function id(): string
    {
        return $this->id;
    }

    public function key(): string
    {
        return $this->key;
    }

    public function secret(): string
    {
        return $this->secret;
    }

    /**
     * @return array<int, string>
     */
    public function allowedOrigins(): array
    {
        return $this->allowedOrigins;
    }

    public function maxMessageSize(): int
    {
        return $this->maxMessageSize;
    }

    public function acceptClientEventsFrom(): string
    {
        return $this->acceptClientEventsFrom;
    }
}
