<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Closure;
use Generator;
use Illuminate\Support\LazyCollection;
use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Exceptions\NotTracked;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Tells who is connected to an application, on all servers together.
 *
 * Every method waits for Redis, so do not call it in an event loop.
 */
final readonly class AppPresence
{
    /**
     * Create a new instance for an application.
     */
    public function __construct(private Presence $presence, private string $app)
    {
        //
    }

    /**
     * Get the occupied channels, each once and in no order. Pages are read from Redis as they are needed.
     *
     * @return LazyCollection<int, string>
     *
     * @throws WebhooksException While the collection is read.
     */
    public function channels(string $prefix = ''): LazyCollection
    {
        return $this->all(fn (?string $cursor) => $this->presence->channels($this->app, $prefix, cursor: $cursor));
    }

    /**
     * Get the members of a presence channel, each once and in no order: the IDs of its users.
     *
     * @return LazyCollection<int, string>
     *
     * @throws WebhooksException While the collection is read.
     */
    public function members(string $channel): LazyCollection
    {
        return $this->all(fn (?string $cursor) => $this->presence->members($this->app, $channel, cursor: $cursor));
    }

    /**
     * Determine if a channel is occupied.
     *
     * @throws WebhooksException
     */
    public function occupied(string $channel): bool
    {
        return $this->presence->occupied($this->app, $channel);
    }

    /**
     * Count the members of a presence channel, or the connections of another channel.
     *
     * @throws NotTracked If connections are not counted, because no endpoint lists `subscription_count`.
     * @throws WebhooksException
     */
    public function count(string $channel): int
    {
        return $this->presence->count($this->app, $channel);
    }

    /**
     * Read all pages.
     *
     * @param  Closure(string|null): array{names: list<string>, cursor: string|null}  $page
     * @return LazyCollection<int, string>
     */
    private function all(Closure $page): LazyCollection
    {
        return new LazyCollection(static function () use ($page): Generator {
            [$seen, $cursor] = [[], null];

            do {
                ['names' => $names, 'cursor' => $cursor] = $page($cursor);

                foreach ($names as $name) {
                    // A later page may repeat a name.
                    if (! isset($seen[$name])) {
                        $seen[$name] = true;
                        yield $name;
                    }
                }
            } while ($cursor !== null);
        });
    }
}
