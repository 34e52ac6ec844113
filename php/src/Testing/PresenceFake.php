<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Exceptions\NotTracked;

/**
 * Answers with what a test has set, without a server, Redis or the extension.
 */
final class PresenceFake implements Presence
{
    /**
     * The occupied channels, by application and name.
     *
     * @var array<string, array<string, array{members: list<string>, connections: int|null}>>
     */
    private array $channels = [];

    /**
     * Occupy a channel. It replaces what was set before.
     *
     * @param  list<string|int>  $members
     */
    public function occupy(string $app, string $channel, array $members, ?int $connections): void
    {
        $members = array_values(array_unique(array_map(strval(...), $members)));

        $this->channels[$app][$channel] = ['members' => $members, 'connections' => $connections];
    }

    /**
     * Vacate a channel.
     */
    public function vacate(string $app, string $channel): void
    {
        unset($this->channels[$app][$channel]);
    }

    public function channels(string $app, string $prefix = '', int $limit = 1000, ?string $cursor = null): array
    {
        // PHP turns a numeric key into an integer.
        $names = array_map(strval(...), array_keys($this->channels[$app] ?? []));

        return $this->page(array_values(array_filter($names, fn (string $name) => str_starts_with($name, $prefix))), $cursor, $limit);
    }

    public function members(string $app, string $channel, int $limit = 1000, ?string $cursor = null): array
    {
        return $this->page($this->channels[$app][$channel]['members'] ?? [], $cursor, $limit);
    }

    public function occupied(string $app, string $channel): bool
    {
        return isset($this->channels[$app][$channel]);
    }

    public function count(string $app, string $channel): int
    {
        $state = $this->channels[$app][$channel] ?? null;

        return match (true) {
            $state === null => 0,
            str_starts_with($channel, 'presence-') => count($state['members']),
            default => $state['connections'] ?? throw new NotTracked("the connections of \"{$channel}\" are not counted: pass them to occupy(), as for a server whose endpoint lists subscription_count in its events"),
        };
    }

    /**
     * Get a page. Its cursor is a position.
     *
     * @param  list<string>  $names
     * @return array{names: list<string>, cursor: string|null}
     */
    private function page(array $names, ?string $cursor, int $limit): array
    {
        $next = (int) $cursor + max(1, $limit);

        return ['names' => array_slice($names, (int) $cursor, max(1, $limit)), 'cursor' => $next < count($names) ? (string) $next : null];
    }
}
