<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Dashboard;

/**
 * The endpoints as the page lists them: those that servers know, those that only the config knows, and those that are
 * paused and that nobody knows any more.
 */
final class EndpointRows
{
    /**
     * Bring them together. A pause counts from when it was made: servers follow within two seconds and say so later still.
     *
     * @param  array<string, mixed>  $status
     * @param  list<array<string, mixed>>  $configured
     * @return list<array<string, mixed>>
     */
    public static function of(array $status, array $configured): array
    {
        $rows = array_column($status['endpoints'], null, 'id');

        foreach ($configured as $endpoint) {
            $rows[$endpoint['id']] ??= self::unreported($endpoint);
        }

        foreach (array_keys($status['paused']) as $id) {
            $rows[$id] ??= self::unreported(['id' => (string) $id, 'label' => (string) $id, 'url' => '', 'app_id' => '*']);
        }

        return array_values(array_map(fn (array $row) => self::withPause($row, $status['paused'][$row['id']] ?? null), $rows));
    }

    /**
     * A row for what no server has written of.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function unreported(array $endpoint): array
    {
        return [
            'id' => $endpoint['id'], 'label' => $endpoint['label'], 'url' => $endpoint['url'], 'app_id' => $endpoint['app_id'],
            'state' => 'unreported', 'since_ms' => null, 'nodes' => [],
            'last_status' => null, 'last_error' => null, 'last_attempt_ms' => null, 'last_success_ms' => null, 'consecutive_failures' => 0,
            'attempts' => 0, 'deliveries' => 0, 'events_delivered' => 0, 'drops' => 0, 'events_dropped' => 0, 'depth' => 0,
            'latency' => ['sum_us' => 0], 'p50_ms' => null, 'p95_ms' => null, 'p99_ms' => null,
        ];
    }

    /**
     * A row with what Redis says of its pause.
     *
     * @param  array<string, mixed>  $row
     * @return array<string, mixed>
     */
    private static function withPause(array $row, ?int $paused): array
    {
        $row['is_paused'] = $paused !== null;

        if ($row['is_paused'] && $row['state'] !== 'disabled') {
            return ['state' => 'paused', 'since_ms' => $paused] + $row;
        }

        return $row['state'] === 'paused' ? ['state' => 'resuming', 'since_ms' => null] + $row : $row;
    }
}
