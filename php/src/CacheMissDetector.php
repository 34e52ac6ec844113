<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use WeakReference;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Detects subscriptions to empty cache channels, and when these channels get a payload.
 */
class CacheMissDetector
{
    /**
     * The time for one check of the empty channels, in nanoseconds.
     */
    protected const int SLICE = 500_000;

    /**
     * The application ID and channel of each channel that was empty when last checked.
     *
     * The references are weak, because a host creates a channel for its first
     * subscriber and discards it, with its payload, after the last one left.
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
     * Report the channel of a new subscription if it is empty, or if it has a payload since.
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
            $this->reportPayload($id, $appId, $channel);
        }
    }

    /**
     * Check the empty channels for a payload, starting where the last check ended.
     */
    public function check(): void
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
                $this->reportPayload($id, $appId, $channel);
            }

            if (hrtime(true) >= $end) {
                return;
            }
        }
    }

    /**
     * Report that a channel has a payload.
     */
    protected function reportPayload(int $id, string $appId, object $channel): void
    {
        unset($this->empty[$id]);

        $this->engine->cacheSeen($appId, $channel->name(), false);
    }

    /**
     * Hide the channels in dumps, since they refer to secrets.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['empty' => count($this->empty)];
    }
}
