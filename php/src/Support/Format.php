<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Support\Carbon;

/**
 * Numbers and times as people read them.
 */
final class Format
{
    /**
     * The clock of this machine, in Unix ms.
     */
    public static function now(): int
    {
        return (int) floor(microtime(true) * 1000);
    }

    /**
     * A whole number.
     */
    public static function number(int $number): string
    {
        return number_format($number);
    }

    /**
     * A number of things, in words.
     */
    public static function count(int $number, string $thing): string
    {
        return self::number($number)." {$thing}".($number === 1 ? '' : 's');
    }

    /**
     * A length of time, in its two largest units.
     */
    public static function duration(int|float $ms): string
    {
        $seconds = (int) ($ms / 1000);

        return match (true) {
            $ms < 10 => round($ms, 1).' ms',
            $ms < 1000 => round($ms).' ms',
            $ms < 10_000 => round($ms / 1000, 1).' s',
            $seconds < 60 => "{$seconds} s",
            $seconds < 3600 => sprintf('%d min %02d s', intdiv($seconds, 60), $seconds % 60),
            $seconds < 86400 => sprintf('%d h %02d min', intdiv($seconds, 3600), intdiv($seconds, 60) % 60),
            default => sprintf('%d d %02d h', intdiv($seconds, 86400), intdiv($seconds, 3600) % 24),
        };
    }

    /**
     * A time by its distance from now.
     */
    public static function distance(int $ms, int $now): string
    {
        return match (true) {
            abs($ms - $now) < 1000 => 'now',
            $ms > $now => 'in '.self::duration($ms - $now),
            default => self::duration($now - $ms).' ago',
        };
    }

    /**
     * A time to the millisecond, in the application's time zone.
     */
    public static function exact(int $ms): string
    {
        return Carbon::createFromTimestampMs($ms, config('app.timezone') ?: 'UTC')->format('Y-m-d H:i:s.v T');
    }

    /**
     * A number of bytes.
     */
    public static function bytes(int $bytes): string
    {
        $units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
        $power = $bytes < 1024 ? 0 : min(count($units) - 1, (int) floor(log($bytes, 1024)));

        return round($bytes / 1024 ** $power, $power === 0 ? 0 : 1)." {$units[$power]}";
    }
}
