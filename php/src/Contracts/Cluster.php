<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

use SensitiveParameter;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Reads and controls the servers of this application through Redis, for commands, pages and jobs.
 *
 * Inject it where you need it, and bind a fake in tests. Every method waits
 * for Redis unless it says otherwise, so do not call it in an event loop.
 */
interface Cluster
{
    /**
     * Get the status of nodes, endpoints, lanes and Redis. docs/operations.md describes the array.
     *
     * @return array<string, mixed>
     *
     * @throws WebhooksException If Redis is unavailable. This applies to every method that uses it.
     */
    public function status(): array;

    /**
     * Get the history of the last minutes, at most 1,440, in points of `$step` minutes: of all endpoints, of those with these IDs,
     * and of the servers' load. docs/operations.md describes the array.
     *
     * @param  list<string>  $endpoints
     * @return array<string, mixed>
     *
     * @throws WebhooksException
     */
    public function history(array $endpoints = [], int $minutes = 60, int $step = 1): array;

    /**
     * Get the metrics in the text format of Prometheus.
     *
     * @throws WebhooksException
     */
    public function metrics(): string;

    /**
     * Get the endpoints of {@see status()}, or those with this ID, name or URL.
     *
     * @return list<array<string, mixed>>
     *
     * @throws WebhooksException
     */
    public function endpoints(?string $called = null): array;

    /**
     * Get the endpoints that this application configures, by its config or its EndpointProvider, or those with this ID, name or
     * URL. Does not use Redis.
     *
     * @return list<array{id: string, name: string|null, label: string, url: string, app_id: string}>
     *
     * @throws WebhooksException If the config is invalid or the provider fails.
     */
    public function configured(?string $called = null): array;

    /**
     * Get warnings about settings that are valid but probably a mistake. Does not use Redis.
     *
     * @return list<string>
     *
     * @throws WebhooksException
     */
    public function warnings(): array;

    /**
     * Pause deliveries to an endpoint, by its ID, on every server within two seconds. Returns false if it is already paused.
     *
     * @throws WebhooksException
     */
    public function pause(string $endpoint): bool;

    /**
     * Resume deliveries to an endpoint, by its ID, that is paused or answered 410. Returns false if it is neither.
     *
     * @throws WebhooksException
     */
    public function resume(string $endpoint): bool;

    /**
     * Get the IDs of the paused endpoints, each with the time of its pause in Unix ms.
     *
     * @return array<array-key, int>
     *
     * @throws WebhooksException
     */
    public function paused(): array;

    /**
     * Get the IDs of the endpoints that are disabled since they answered 410, each with the time in Unix ms.
     *
     * @return array<array-key, int>
     *
     * @throws WebhooksException
     */
    public function disabled(): array;

    /**
     * Adopt the data in Redis after this application was renamed. Returns the former identity, or null if there is nothing
     * to adopt.
     *
     * @throws WebhooksException
     */
    public function adopt(): ?string;

    /**
     * Get the commands that Redis forbids this user (`forbidden`), and why it accepts no writes (`writes`, or null).
     *
     * @return array{forbidden: list<string>, writes: string|null}
     *
     * @throws WebhooksException
     */
    public function refusals(): array;

    /**
     * Get the attempts made since `$last`; without it, start at the current time. Call it repeatedly.
     *
     * @return array{last: string, deliveries: list<array<string, mixed>>}
     *
     * @throws WebhooksException
     */
    public function watch(?string $last = null): array;

    /**
     * Send a test to a configured endpoint, by its ID, signed for an application. Returns null if the endpoint does not exist.
     * Does not use Redis.
     *
     * @return array<string, mixed>|null With the keys `ok`, `status`, `error`, `advice`, `took_ms` and `id`.
     *
     * @throws WebhooksException
     */
    public function test(string $endpoint, string $key, #[SensitiveParameter] string $secret): ?array;
}
