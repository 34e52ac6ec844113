<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Reads, retries and deletes the dead letters of this application, for commands, pages and jobs.
 *
 * Inject it where you need it, and bind a fake in tests. Every method waits
 * for Redis, so do not call it in an event loop.
 *
 * @phpstan-type DeadLetter array{id: string, webhook_id: string, endpoint: string, url: string, app_id: string, events: int, attempts: int, reason: string, answer: array{status: int|null, text: string, time_ms: int}|null, time_ms: int, dropped_ms: int, bytes: int, body?: string}
 */
interface DeadLetters
{
    /**
     * Count the dead letters.
     *
     * @throws WebhooksException If Redis is unavailable. This applies to every method.
     */
    public function count(): int;

    /**
     * Get a dead letter, as in {@see list()}, with its body; null if it does not exist.
     *
     * @return DeadLetter|null
     *
     * @throws WebhooksException
     */
    public function find(string $id): ?array;

    /**
     * Get the newest dead letters, older than the one with the given ID, without their bodies. `answer` is the beginning of what
     * the endpoint answered to the last attempt, `time_ms` the time of the first event, and `bytes` the size in Redis.
     *
     * @return list<DeadLetter>
     *
     * @throws WebhooksException
     */
    public function list(int $limit = 50, ?string $before = null): array;

    /**
     * Queue dead letters for another delivery. Each is kept until it is delivered. Returns how many of them exist.
     *
     * @param  list<string>  $ids
     *
     * @throws WebhooksException
     */
    public function retry(array $ids): int;

    /**
     * Queue all dead letters for another delivery, oldest first. Returns how many there are.
     *
     * @throws WebhooksException
     */
    public function retryAll(): int;

    /**
     * Delete dead letters. Returns how many of them existed.
     *
     * @param  list<string>  $ids
     *
     * @throws WebhooksException
     */
    public function forget(array $ids): int;

    /**
     * Get the shards that the last call left out because their Redis did not answer: a sentence for each. With one shard, the call
     * throws instead.
     *
     * @return list<string>
     */
    public function missing(): array;

    /**
     * Delete the dead letters that are older than a number of seconds; all of them with 0. Returns how many.
     *
     * @throws WebhooksException
     */
    public function flush(int $olderThan = 0): int;
}
