<?php

declare(strict_types=1);

namespace Laravel\Reverb;

/**
 * A snapshot of an application.
 */
class Application
{
    public function __construct(
        protected string $id,
        protected string $key,
        protected string $secret,
        protected string $acceptClientEventsFrom,
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

    public function acceptClientEventsFrom(): string
    {
        return $this->acceptClientEventsFrom;
    }
}
