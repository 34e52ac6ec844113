<?php

declare(strict_types=1);

namespace Tests\Support;

use Webpatser\Resonate\Contracts\Logger;

/**
 * Records Resonate's log, which has every exception of a plugin.
 */
final class RecordingLogger implements Logger
{
    /**
     * @var list<string>
     */
    public array $errors = [];

    public function info(string $title, ?string $message = null): void
    {
        //
    }

    public function error(string $message): void
    {
        $this->errors[] = $message;
    }

    public function message(string $message): void
    {
        //
    }

    public function line(int $lines = 1): void
    {
        //
    }
}
