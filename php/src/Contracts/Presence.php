<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

use Webpatser\ResonateWebhooks\Exceptions\NotTracked;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * Reads the occupied channels of the whole cluster and their members, page by page. {@see Webhooks::app()} reads all
 * pages.
 *
 * Every method waits for Redis, so do not call it in an event loop.
 */
interface Presence
{
    /**
     * Get about `$limit` occupied channels that begin with a prefix, in no order. Pass the cursor of a page to get the next
     * one; the last page has none. A channel may be on two pages if channels come and go meanwhile.
     *
     * @return array{names: list<string>, cursor: string|null}
     *
     * @throws NotTracked If the servers ignore channels with this prefix.
     * @throws WebhooksException If Redis is unavailable or does not have all data. This applies to every method.
     */
    public function channels(string $app, string $prefix = '', int $limit = 1000, ?string $cursor = null): array;

    /**
     * Get about `$limit` members of a channel: the IDs of its presence users. Pages are as those of {@see channels()}.
     *
     * @return array{names: list<string>, cursor: string|null}
     *
     * @throws NotTracked If the servers ignore the channel. This applies to every method.
     * @throws WebhooksException
     */
    public function members(string $app, string $channel, int $limit = 1000, ?string $cursor = null): array;

    /**
     * Determine if a channel is occupied.
     *
     * @throws WebhooksException
     */
    public function occupied(string $app, string $channel): bool;

    /**
     * Count the members of a presence channel, or the connections of another channel.
     *
     * @throws NotTracked Also if connections are not counted, because no endpoint lists `subscription_count`.
     * @throws WebhooksException
     */
    public function count(string $app, string $channel): int;
}
