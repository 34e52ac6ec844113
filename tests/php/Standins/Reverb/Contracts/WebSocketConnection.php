<?php

declare(strict_types=1);

namespace Laravel\Reverb\Contracts;

interface WebSocketConnection
{
    public function id(): int|string;

    public function send(mixed $message): void;

    public function close(mixed $message = null): void;
}
