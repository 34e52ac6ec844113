<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

use SensitiveParameter;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * The servers of this application, as Redis knows them; for commands, pages and jobs.
 *
 * Inject it where operators need it, and bind a fake in tests. Every method
 * waits for Redis unless it says otherwise: keep it out of an event loop.
 */
interface Cluster
{
    /**
     * The state of nodes, endpoints, lanes and Redis; docs/operations.md describes the array.
     *
     * @return array<string, mixed>
     *
     * @throws WebhooksException When Redis cannot be asked, as every method.
     */
    public function status(): array;

    /**
     * The same in the text format of Prometheus.
     *
     * @throws WebhooksException
     */
    public function metrics(): string;

    /**
     * The endpoints of {@see status()}, or those with this id, name or URL.
     *
     * @return list<array<string, mixed>>
     *
     * @throws WebhooksException
     */
    public function endpoints(?string $called = null): array;

    /**
     * The endpoints that this application configures, by its config or its EndpointProvider, or those with this id, name or
     * URL: arrays with the keys `id`, `name`, `label`, `url` and `app_id`. Asks no Redis.
     *
     * @return list<array{id: string, name: string|null, label: string, url: string, app_id: string}>
     *
     * @throws WebhooksException When the config is refused or the provider fails.
     */
    public function configured(?string $called = null): array;

    /**
     * What the config allows but probably does not mean, a sentence each. Asks no Redis.
     *
     * @return list<string>
     *
     * @throws WebhooksException
     */
    public function warnings(): array;

    /**
     * Pause deliveries to the endpoint with this id, on every server within two seconds. False when it is paused already.
     *
     * @throws WebhooksException
     */
    public function pause(string $endpoint): bool;

    /**
     * Resume deliveries to the endpoint with this id, which was paused or has answered 410. False when it is neither.
     *
     * @throws WebhooksException
     */
    public function resume(string $endpoint): bool;

    /**
     * The ids of the paused endpoints, each with the time of its pause in Unix ms.
     *
     * @return array<array-key, int>
     *
     * @throws WebhooksException
     */
    public function paused(): array;

    /**
     * The ids of the endpoints that have answered 410 and were not resumed, each with the time in Unix ms.
     *
     * @return array<array-key, int>
     *
     * @throws WebhooksException
     */
    public function disabled(): array;

    /**
     * Adopt the data in Redis after this application was renamed. Returns the former identity, or null when there is nothing
     * to adopt.
     *
     * @throws WebhooksException
     */
    public function adopt(): ?string;

    /**
     * The commands that Redis refuses to this user (`forbidden`), and why it takes no writes (`writes`, or null).
     *
     * @return array{forbidden: list<string>, writes: string|null}
     *
     * @throws WebhooksException
     */
    public function refusals(): array;

    /**
     * The attempts made since `$last`, or from now on without it; call it again and again.
     *
     * @return array{last: string, deliveries: list<array<string, mixed>>}
     *
     * @throws WebhooksException
     */
    public function watch(?string $last = null): array;

    /**
     * Send a test to the configured endpoint with this id, signed for an application. Null when there is none. Asks no Redis.
     *
     * @return array<string, mixed>|null With the keys `ok`, `status`, `error`, `advice`, `took_ms` and `id`.
     *
     * @throws WebhooksException
     */
    public function test(string $endpoint, string $key, #[SensitiveParameter] string $secret): ?array;
}
