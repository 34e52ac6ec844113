<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The endpoints that anybody knows: those that servers report, those that are only configured, and those that are paused
 * and otherwise gone.
 */
final class KnownEndpoints
{
    /**
     * Merge them. A pause counts from when it was made: servers follow within two seconds and report it later still.
     *
     * @param  array<string, mixed>  $status
     * @param  list<array<string, mixed>>  $configured
     * @return list<array<string, mixed>>
     */
    public static function of(array $status, array $configured): array
    {
        $known = array_column($status['endpoints'], null, 'id');

        foreach ($configured as $endpoint) {
            $known[$endpoint['id']] ??= self::unreported($endpoint);
        }

        foreach (array_keys($status['paused']) as $id) {
            $known[$id] ??= self::unreported(['id' => (string) $id, 'label' => (string) $id, 'url' => '', 'app_id' => '*']);
        }

        return array_values(array_map(fn (array $endpoint) => self::withPause($endpoint, $status['paused'][$endpoint['id']] ?? null), $known));
    }

    /**
     * Whether this is the id, the name or the URL of an endpoint. Servers report the name as part of the label.
     *
     * @param  array<string, mixed>  $endpoint
     */
    public static function isCalled(array $endpoint, string $name): bool
    {
        return $name !== '' && in_array($name, [$endpoint['id'], $endpoint['url']], true) || $endpoint['label'] === "{$name} ({$endpoint['url']})";
    }

    /**
     * An endpoint that no server has reported.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function unreported(array $endpoint): array
    {
        return [
            'id' => $endpoint['id'], 'label' => $endpoint['label'], 'url' => $endpoint['url'], 'app_id' => $endpoint['app_id'],
            'state' => 'unreported', 'since_ms' => null, 'nodes' => [],
            'last_status' => null, 'last_error' => null, 'last_attempt_ms' => null, 'last_success_ms' => null, 'last_failure_ms' => null,
            'consecutive_failures' => 0, 'attempts' => 0, 'deliveries' => 0, 'events_delivered' => 0, 'drops' => 0, 'events_dropped' => 0,
            'latency' => ['counts' => [], 'sum_us' => 0], 'depth' => 0, 'oldest_ms' => null, 'p50_ms' => null, 'p95_ms' => null, 'p99_ms' => null,
        ];
    }

    /**
     * An endpoint with its pause, as Redis has it.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function withPause(array $endpoint, ?int $paused): array
    {
        $endpoint['is_paused'] = $paused !== null;

        if ($endpoint['is_paused'] && $endpoint['state'] !== 'disabled') {
            return ['state' => 'paused', 'since_ms' => $paused] + $endpoint;
        }

        return $endpoint['state'] === 'paused' ? ['state' => 'resuming', 'since_ms' => null] + $endpoint : $endpoint;
    }
}
