<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * Merges the endpoints that servers report, those of this application, and those that are paused or disabled in Redis.
 */
final class KnownEndpoints
{
    /**
     * Get all endpoints with their states. The paused and disabled states come from Redis, since servers apply them later.
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
     * Determine if an endpoint has this ID, name or URL. Servers report the name as part of the label.
     *
     * @param  array<string, mixed>  $endpoint
     */
    public static function isNamed(array $endpoint, string $name): bool
    {
        return $name !== '' && in_array($name, [$endpoint['id'], $endpoint['url']], true) || $endpoint['label'] === "{$name} ({$endpoint['url']})";
    }

    /**
     * Create an endpoint that no server has reported.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function unreported(array $endpoint): array
    {
        return [
            'id' => $endpoint['id'], 'label' => $endpoint['label'], 'url' => $endpoint['url'], 'app_id' => $endpoint['app_id'],
            'state' => EndpointState::Unreported->value, 'since_ms' => null, 'nodes' => [],
            'last_status' => null, 'last_error' => null, 'last_answer' => null, 'last_attempt_ms' => null, 'last_success_ms' => null, 'last_failure_ms' => null,
            'consecutive_failures' => 0, 'attempts' => 0, 'deliveries' => 0, 'events_delivered' => 0, 'drops' => 0, 'events_dropped' => 0, 'failures' => [],
            'latency' => ['counts' => [], 'sum_us' => 0], 'depth' => 0, 'oldest_ms' => null, 'p50_ms' => null, 'p95_ms' => null, 'p99_ms' => null,
        ];
    }

    /**
     * Add the state in Redis to an endpoint.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private static function withState(array $endpoint, ?int $disabled, ?int $paused): array
    {
        $reported = EndpointState::of($endpoint['state']);
        $endpoint['is_paused'] = $paused !== null;
        // A server that has just received a 410 may report it before Redis has it.
        $endpoint['is_disabled'] = $disabled !== null || $reported === EndpointState::Disabled;

        return match (true) {
            $disabled !== null => ['state' => EndpointState::Disabled->value, 'since_ms' => $disabled] + $endpoint,
            $endpoint['is_paused'] && ! $endpoint['is_disabled'] => ['state' => EndpointState::Paused->value, 'since_ms' => $paused] + $endpoint,
            $reported === EndpointState::Paused => ['state' => EndpointState::Resuming->value, 'since_ms' => null] + $endpoint,
            default => $endpoint,
        };
    }
}
