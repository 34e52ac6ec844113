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
     * Write an error. Never throws.
     *
     * @param  array<string, mixed>  $context
     */
    public static function error(string $message, array $context = []): void
    {
        self::write('error', $message, $context);
    }

    /**
     * Write a warning. Never throws.
     */
    public static function warning(string $message): void
    {
        self::write('warning', $message);
    }

    /**
     * Write a notice. Never throws.
     */
    public static function notice(string $message): void
    {
        self::write('notice', $message);
    }

    /**
     * @param  array<string, mixed>  $context
     */
    private static function write(string $level, string $message, array $context = []): void
    {
        try {
            Log::log($level, $message, $context);
        } catch (Throwable $failure) {
            error_log("{$message}; Laravel could not log this: {$failure->getMessage()}");
        }
    }
}
