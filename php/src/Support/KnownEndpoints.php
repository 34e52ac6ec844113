<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The endpoints that anybody knows: those that servers report, those that are only configured, and those that are paused
 * or disabled and otherwise gone.
 */
final class KnownEndpoints
{
    /**
     * Merge them. A pause, or a 410, counts from when Redis has it: servers follow within two seconds and report it later still.
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

        foreach (array_keys($status['paused'] + $status['disabled']) as $id) {
            $known[$id] ??= self::unreported(['id' => (string) $id, 'label' => (string) $id, 'url' => '', 'app_id' => '*']);
        }

        return array_values(array_map(
            fn (array $endpoint) => self::withState($endpoint, $status['disabled'][$endpoint['id']] ?? null, $status['paused'][$endpoint['id']] ?? null),
            $known,
        ));
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
     * An endpoint with the state that Redis has: since when it is disabled, and paused.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function withState(array $endpoint, ?int $disabled, ?int $paused): array
    {
        $endpoint['is_paused'] = $paused !== null;
        // A server that has just got a 410 reports it within two seconds.
        $endpoint['is_disabled'] = $disabled !== null || $endpoint['state'] === 'disabled';

        return match (true) {
            $disabled !== null => ['state' => 'disabled', 'since_ms' => $disabled] + $endpoint,
            $endpoint['is_paused'] && ! $endpoint['is_disabled'] => ['state' => 'paused', 'since_ms' => $paused] + $endpoint,
            $endpoint['state'] === 'paused' => ['state' => 'resuming', 'since_ms' => null] + $endpoint,
            default => $endpoint,
        };
    }
}
