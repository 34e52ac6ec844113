<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * An event as the script says that a webhook must carry it.
 */
final readonly class Event
{
    /**
     * The last three belong to a `client_event`: its own name, its data as JSON, and who sent it.
     */
    public function __construct(
        public string $app,
        public string $name,
        public string $channel,
        public ?string $user = null,
        public ?string $clientEvent = null,
        public ?string $data = null,
        public ?string $tab = null,
    ) {}

    /**
     * The event in the form of a webhook, where a socket id stands for the tab.
     *
     * @param  array<string, string>  $wire
     * @param  array<string, string>  $tabs  socket id => name of the tab
     */
    public static function fromWire(string $app, array $wire, array $tabs): self
    {
        $isClientEvent = $wire['name'] === 'client_event';

        return new self(
            $app,
            $wire['name'],
            $wire['channel'],
            $wire['user_id'] ?? null,
            $wire['event'] ?? null,
            isset($wire['data']) ? self::canonical(json_decode($wire['data'], true)) : null,
            $isClientEvent ? ($tabs[$wire['socket_id']] ?? "unknown socket {$wire['socket_id']}") : null,
        );
    }

    /**
     * The one way in which data are written, so that equal data are equal strings.
     */
    public static function canonical(mixed $data): string
    {
        return json_encode($data, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }

    /**
     * What makes two events the same event.
     */
    public function identity(): string
    {
        return self::canonical(get_object_vars($this));
    }

    /**
     * Whether this one must arrive before the other when one step causes both.
     */
    public function precedes(self $other): bool
    {
        return $this->app === $other->app
            && $this->channel === $other->channel
            && self::rank($this->name) < self::rank($other->name);
    }

    /**
     * The first to come makes a channel occupied, the last to go leaves it vacated.
     */
    private static function rank(string $name): int
    {
        return match ($name) {
            'channel_occupied' => 0,
            'channel_vacated' => 2,
            default => 1,
        };
    }
}
