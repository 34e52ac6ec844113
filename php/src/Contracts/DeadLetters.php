<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * The dead letters of this application; for commands, pages and jobs.
 *
 * Inject it where operators need it, and bind a fake in tests. Every method
 * waits for Redis: keep it out of an event loop.
 */
interface DeadLetters
{
    /**
     * The number of dead letters.
     *
     * @throws WebhooksException When Redis cannot be asked, as every method.
     */
    public function count(): int;

    /**
     * One dead letter, as in {@see list()}; null when it is not there.
     *
     * @return array<string, mixed>|null
     *
     * @throws WebhooksException
     */
    public function find(string $id): ?array;

    /**
     * Dead letters, newest first, older than the one before; docs/delivery.md describes the arrays.
     *
     * @return list<array<string, mixed>>
     *
     * @throws WebhooksException
     */
    public function list(int $limit = 50, ?string $before = null): array;

    /**
     * Send dead letters again; each stays until it has been delivered. Returns how many were found.
     *
     * @param  list<string>  $ids
     *
     * @throws WebhooksException
     */
    public function retry(array $ids): int;

    /**
     * Send every dead letter again, oldest first. Returns how many.
     *
     * @throws WebhooksException
     */
    public function retryAll(): int;

    /**
     * Delete dead letters. Returns how many were there.
     *
     * @param  list<string>  $ids
     *
     * @throws WebhooksException
     */
    public function forget(array $ids): int;

    /**
     * Delete the dead letters that are older than so many seconds; all with 0. Returns how many.
     *
     * @throws WebhooksException
     */
    public function flush(int $olderThan = 0): int;
}
