<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Support\Facades\Log;
use Throwable;

/**
 * Writes to Laravel's log, or to PHP's log if that fails: a full disk must not keep webhooks from starting.
 */
final class ServerLog
{
    /**
     * Write a line. Never throws.
     *
     * @param  array<string, mixed>  $context
     */
    public static function write(string $level, string $message, array $context = []): void
    {
        try {
            Log::log($level, $message, $context);
        } catch (Throwable $failure) {
            error_log("{$message}; Laravel could not log this: {$failure->getMessage()}");
        }
    }
}
