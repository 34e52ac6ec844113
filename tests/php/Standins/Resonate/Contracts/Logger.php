<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Contracts;

interface Logger
{
    public function info(string $title, ?string $message = null): void;

    public function error(string $message): void;

    public function message(string $message): void;

    public function line(int $lines = 1): void;
}
