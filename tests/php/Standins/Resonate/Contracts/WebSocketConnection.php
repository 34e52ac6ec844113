<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Contracts;

interface WebSocketConnection
{
    public function id(): int|string;

    public function send(mixed $message): void;

    public function close(mixed $message = null): void;
}
