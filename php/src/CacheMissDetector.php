<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use WeakReference;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Tells the engine which cache channels are empty when a client subscribes, and when they have a payload.
 */
class CacheMissDetector
{
    /**
     * How long one look at the empty channels may take, in nanoseconds.
     */
    protected const int SLICE = 500_000;

    /**
     * The channels that were found empty and have not been seen with a payload since: application and channel.
     *
     * A host makes a channel with its first subscriber and forgets it, and
     * its payload, with the last one, so they must not be kept alive here.
     *
     * @var array<int, array{0: string, 1: WeakReference<object>}>
     */
    protected array $empty = [];

    /**
     * Create a new detector for the cache channels of this node.
     */
    public function __construct(protected Engine $engine)
    {
        //
    }

    /**
     * Record whether the channel of a new subscription had a payload.
     *
     * @param  object  $channel  The host's own cache channel, with `name()` and `hasCachedPayload()`.
     */
    public function subscribed(string $appId, object $channel): void
    {
        $id = spl_object_id($channel);

        if (! $channel->hasCachedPayload()) {
            $this->empty[$id] = [$appId, WeakReference::create($channel)];
            $this->engine->cacheSeen($appId, $channel->name(), true);
        } elseif (($this->empty[$id][1] ?? null)?->get() === $channel) {
            $this->filled($id, $appId, $channel);
        }
    }

    /**
     * Check empty channels for a payload, continuing where the last slice ended.
     */
    public function look(): void
    {
        $end = hrtime(true) + static::SLICE;

        for ($left = count($this->empty); $left > 0; $left--) {
            if (key($this->empty) === null) {
                reset($this->empty);
            }

            $id = key($this->empty);
            [$appId, $reference] = current($this->empty);
            next($this->empty);

            $channel = $reference->get();

            if ($channel === null) {
                unset($this->empty[$id]);
            } elseif ($channel->hasCachedPayload()) {
                $this->filled($id, $appId, $channel);
            }

            if (hrtime(true) >= $end) {
                return;
            }
        }
    }

    /**
     * Tell that a channel is not empty any more.
     */
    protected function filled(int $id, string $appId, object $channel): void
    {
        unset($this->empty[$id]);

        $this->engine->cacheSeen($appId, $channel->name(), false);
    }

    /**
     * Keep what hangs on the channels, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['empty' => count($this->empty)];
    }
}
