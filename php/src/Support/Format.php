<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

use Illuminate\Support\Carbon;

/**
 * Formats numbers, durations, times and sizes for commands and the dashboard.
 */
final class Format
{
    /**
     * Format a whole number.
     */
    public static function number(int $number): string
    {
        return number_format($number);
    }

    /**
     * Format a number of things: "1 event", "2,000 events".
     */
    public static function count(int $number, string $thing): string
    {
        return self::number($number)." {$thing}".($number === 1 ? '' : 's');
    }

    /**
     * Format a duration: "4.2 ms", "1.5 s", "3 min 07 s", "2 d 04 h".
     */
    public static function duration(int|float $ms): string
    {
        $seconds = (int) ($ms / 1000);

        return match (true) {
            $ms < 9.95 => round($ms, 1).' ms',
            $ms < 999.5 => round($ms).' ms',
            $ms < 9_950 => round($ms / 1000, 1).' s',
            $seconds < 60 => max($seconds, 10).' s',
            $seconds < 3600 => sprintf('%d min %02d s', intdiv($seconds, 60), $seconds % 60),
            $seconds < 86400 => sprintf('%d h %02d min', intdiv($seconds, 3600), intdiv($seconds, 60) % 60),
            default => sprintf('%d d %02d h', intdiv($seconds, 86400), intdiv($seconds, 3600) % 24),
        };
    }

    /**
     * Format the time since a moment. A moment in the future counts as now, since clocks differ.
     */
    public static function elapsed(int $ms, int $now): string
    {
        return self::duration(max(0, $now - $ms));
    }

    /**
     * Format a moment relative to now: "now", "3 min 07 s ago", "in 12 s".
     */
    public static function relative(int $ms, int $now): string
    {
        return match (true) {
            abs($ms - $now) < 1000 => 'now',
            $ms > $now => 'in '.self::duration($ms - $now),
            default => self::duration($now - $ms).' ago',
        };
    }

    /**
     * Format a moment in the application's time zone: "2026-01-31 09:30:00.250 UTC".
     */
    public static function dateTime(int $ms): string
    {
        return self::moment($ms)->format('Y-m-d H:i:s.v T');
    }

    /**
     * Format the time of day of a moment in the application's time zone: "09:30".
     */
    public static function time(int $ms): string
    {
        return self::moment($ms)->format('H:i');
    }

    /**
     * Format numbers as a line of bars, relative to the greatest: "▁▃█·". A dot is zero.
     *
     * @param  list<int>  $numbers
     */
    public static function sparkline(array $numbers): string
    {
        $bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        $max = max([1, ...$numbers]);

        return implode('', array_map(fn (int $number) => $number === 0 ? '·' : $bars[(int) ceil($number / $max * 8) - 1], $numbers));
    }

    /**
     * Format how far a clock is ahead of Redis: "in sync", "2.4 s ahead", "2.4 s behind".
     */
    public static function clockSkew(int $ms): string
    {
        return match (true) {
            abs($ms) < 1000 => 'in sync',
            $ms > 0 => self::duration($ms).' ahead',
            default => self::duration(-$ms).' behind',
        };
    }

    /**
     * Format a size in binary units: "512 B", "1.5 MiB".
     */
    public static function bytes(int $bytes): string
    {
        $units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
        $power = $bytes < 1024 ? 0 : min(count($units) - 1, (int) floor(log($bytes, 1024)));

        return round($bytes / 1024 ** $power, $power === 0 ? 0 : 1)." {$units[$power]}";
    }

    /**
     * Format the slot of a Redis Cluster and its servers, and those of the whole cluster that are down.
     *
     * @param  array{slot: int, master: ?string, replicas: list<string>, down: list<string>}  $cluster
     */
    public static function slot(array $cluster): string
    {
        $servers = fn (array $addresses) => $addresses === [] ? 'none' : implode(', ', $addresses);

        return "slot {$cluster['slot']}, master ".($cluster['master'] ?? 'none').', replicas: '.$servers($cluster['replicas'])
            .($cluster['down'] === [] ? '' : '; down: '.$servers($cluster['down']));
    }

    /**
     * Format the shards and where they are: the slot of a single one, or how many masters there are.
     *
     * @param  array<string, mixed>  $status  The status of the cluster.
     */
    public static function shards(array $status): string
    {
        $cluster = $status['redis']['cluster'];
        $shards = $status['shards'];

        if (count($shards) === 1) {
            return $cluster === null ? '1 shard' : self::slot($cluster);
        }

        $masters = array_unique(array_filter(array_column($shards, 'master')));
        $down = $cluster['down'] ?? [];

        return count($shards).' shards'.($masters === [] ? '' : ' on '.self::count(count($masters), 'master'))
            .($down === [] ? '' : '; down: '.implode(', ', $down));
    }

    /**
     * Get the number of servers with a lease: the most in any shard, since a server has one in each.
     *
     * @param  array<string, mixed>  $status  The status of the cluster.
     */
    public static function leases(array $status): int
    {
        return max([0, ...array_column($status['shards'], 'leases')]);
    }

    /**
     * Turn an error message into a sentence. The first letter is not capitalized if the message starts with a config key.
     */
    public static function sentence(string $message): string
    {
        return preg_replace_callback('/^[a-z]+(?=\s)/', fn (array $word) => ucfirst($word[0]), rtrim($message, '.')).'.';
    }

    private static function moment(int $ms): Carbon
    {
        return Carbon::createFromTimestampMs($ms, config('app.timezone') ?: 'UTC');
    }
}
