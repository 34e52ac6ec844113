<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Generator;
use Webpatser\ResonateWebhooks\Hosts\Application;
use Webpatser\ResonateWebhooks\Hosts\Host;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Compares the engine's table with the live connections, in slices that are too short to delay the event loop.
 *
 * Connections come and go between slices, so no slice relies on an earlier one. A slice reports single facts: connection 1.1
 * is on the channel, connection 1.2 is not. It reads them from the server's arrays and queues them before the event loop
 * continues. Hooks use the same queue, so each fact is true at its position among the hooks. If the connection leaves later,
 * its hook comes later and removes it. If it subscribes later, its hook adds it.
 *
 * Positions in the arrays and in the table shift while connections come and go, so a walk may miss some. A connection is
 * never removed because a walk has missed it: each connection in the table is looked up on the server, and looked up again
 * when its removal is queued. A missed connection waits for the next sweep.
 *
 * No array of the server is kept between slices. PHP would copy it at the server's next write, which takes 4 ms for 100 000
 * connections.
 */
class Reconciler
{
    /**
     * The length of a slice, in nanoseconds. It ends after the part of a channel that exceeds it.
     */
    protected const int SLICE = 600_000;

    /**
     * The number of connections in a part of a channel. Smaller channels are compared whole.
     */
    protected const int PART = 400;

    /**
     * The number of channels that are listed at a time.
     */
    protected const int PAGE = 250;

    /**
     * The comparison of channels whose hooks found the queue full. It has priority.
     *
     * @var Generator<int, bool>|null
     */
    protected ?Generator $dirty = null;

    /**
     * The current sweep.
     *
     * @var Generator<int, bool>|null
     */
    protected ?Generator $sweep = null;

    /**
     * Create a new reconciler.
     */
    public function __construct(
        protected Engine $engine,
        protected Host $host,
        protected AppRegistry $apps,
    ) {
        //
    }

    /**
     * Start a sweep over every channel of the server and of the table, unless one is running.
     */
    public function sweep(): void
    {
        if (! $this->isSweeping()) {
            $this->sweep = $this->compareAll();
        }
    }

    /**
     * Determine if a sweep is running.
     */
    public function isSweeping(): bool
    {
        return $this->sweep?->valid() === true;
    }

    /**
     * Run the pending comparisons for one slice of time.
     */
    public function advance(): void
    {
        $end = hrtime(true) + static::SLICE;

        if (! $this->dirty?->valid()) {
            $this->dirty = $this->compareEach($this->engine->dirtyChannels());
        }

        foreach ([$this->dirty, $this->sweep] as $work) {
            while ($work?->valid()) {
                $work->next();

                if ($work->current() === false || hrtime(true) >= $end) {
                    return;
                }
            }
        }
    }

    /**
     * Compare channels. Like all comparisons, this yields after each part, and yields false if the engine is busy.
     *
     * @param  list<array{0: string, 1: string}>  $channels
     * @return Generator<int, bool>
     */
    protected function compareEach(array $channels): Generator
    {
        foreach ($channels as [$appId, $channel]) {
            if (($app = $this->apps->find($appId)) !== null) {
                yield from $this->compare($app, $channel);
            }
        }
    }

    /**
     * Compare the channels that the server has, then those that only the table has.
     *
     * @return Generator<int, bool>
     */
    protected function compareAll(): Generator
    {
        foreach ($this->apps->all() as $app) {
            $position = 0;

            do {
                [$position, $names] = Engine::keys($this->host->channels($app), $position, static::PAGE);

                foreach ($names as $channel) {
                    yield from $this->compare($app, $channel);
                }
            } while ($position > 0);
        }

        $suspects = [];
        $cursor = 0;

        do {
            while (($page = $this->engine->channels($cursor, static::PAGE)) === null) {
                yield false;
            }

            [$cursor, $known] = $page;

            foreach ($known as [$appId, $channel]) {
                $app = $this->apps->find($appId);

                if ($app !== null && ! isset($this->host->channels($app)[$channel])) {
                    $suspects[] = [$appId, $channel];
                }
            }

            yield true;
        } while ($cursor > 0);

        yield from $this->compareEach($suspects);
    }

    /**
     * Compare a channel, in parts if it has many connections.
     *
     * @return Generator<int, bool>
     */
    protected function compare(Application $app, string $channel): Generator
    {
        if ($this->compareWhole($app, $channel)) {
            yield true;

            return;
        }

        $position = 0;

        do {
            $position = $this->comparePart($app, $channel, $position);

            yield true;
        } while ($position > 0);

        $suspects = [];
        $cursor = 0;

        do {
            while (($page = $this->engine->sockets($app->id, $channel, $cursor, static::PART)) === null) {
                yield false;
            }

            [$cursor, $known] = $page;
            array_push($suspects, ...$this->missing($app, $channel, $known));

            yield true;
        } while ($cursor > 0);

        // After the walk, because a removal shifts the connections after it, and the walk would skip them.
        for ($from = 0; ($part = array_slice($suspects, $from, static::PART)) !== []; $from += static::PART) {
            $this->engine->absent($app->id, $channel, $this->missing($app, $channel, $part));

            yield true;
        }
    }

    /**
     * Compare a channel at once, if it has few connections.
     */
    protected function compareWhole(Application $app, string $channel): bool
    {
        $connections = $this->host->members($app, $channel);

        if (count($connections) > static::PART) {
            return false;
        }

        $this->engine->reconcile($app->id, $channel, $this->users($channel, $connections, array_keys($connections)));

        return true;
    }

    /**
     * Compare a part of the connections on a channel. Returns the position of the next part, or 0 at the end.
     */
    protected function comparePart(Application $app, string $channel, int $position): int
    {
        $connections = $this->host->members($app, $channel);
        [$next, $socketIds] = Engine::keys($connections, $position, static::PART);
        $this->engine->present($app->id, $channel, $this->users($channel, $connections, $socketIds));

        return $next;
    }

    /**
     * Get the users of connections by socket ID, '' for none.
     *
     * Connection objects are touched on presence channels only, since PHP's garbage collector visits each object that was.
     *
     * @param  array<string, object>  $connections
     * @param  list<string|int>  $socketIds
     * @return array<string, string>
     */
    protected function users(string $channel, array $connections, array $socketIds): array
    {
        $users = array_fill_keys($socketIds, '');

        if (PresenceUser::areOn($channel)) {
            foreach ($socketIds as $socketId) {
                $users[$socketId] = PresenceUser::idOn($channel, $connections[$socketId]) ?? '';
            }
        }

        return $users;
    }

    /**
     * Get the socket IDs that are not on a channel.
     *
     * @param  list<string>  $socketIds
     * @return list<string>
     */
    protected function missing(Application $app, string $channel, array $socketIds): array
    {
        $connections = $this->host->members($app, $channel);
        $missing = [];

        foreach ($socketIds as $socketId) {
            if (! isset($connections[$socketId])) {
                $missing[] = $socketId;
            }
        }

        return $missing;
    }

    /**
     * Hide the server's channels in dumps, since they refer to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['sweeping' => $this->isSweeping()];
    }
}
