<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Support;

/**
 * The state of a server, by its last report.
 */
enum NodeState: string
{
    case Running = 'running';

    /** The server shut down cleanly. */
    case Stopped = 'stopped';

    /** The server has not reported for six seconds: it is dead or cut off. */
    case Silent = 'silent';

    /**
     * Select the nodes in this state.
     *
     * @param  array<string, mixed>  $status  The status of the cluster.
     * @return list<array<string, mixed>>
     */
    public function of(array $status): array
    {
        return array_values(array_filter($status['nodes'], fn (array $node) => $node['state'] === $this->value));
    }

    /**
     * Get the reason why the servers are unknown: the first shard, which has their reports, does not answer.
     *
     * @param  array<string, mixed>  $status  The status of the cluster.
     */
    public static function unknown(array $status): ?string
    {
        return $status['shards'][0]['error'] ?? null;
    }

    /**
     * Get the tone in which commands and the dashboard show the state.
     */
    public function tone(): Tone
    {
        return match ($this) {
            self::Running => Tone::Good,
            self::Stopped => Tone::Neutral,
            self::Silent => Tone::Bad,
        };
    }
}
