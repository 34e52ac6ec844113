<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * One tab does one thing.
 */
final readonly class Action
{
    /**
     * A channel belongs to every verb but Open and Close, an event and its data to Whisper only.
     *
     * @param  array<string, mixed>|null  $data
     */
    private function __construct(
        public Verb $verb,
        public Tab $tab,
        public ?string $channel = null,
        public ?string $event = null,
        public ?array $data = null,
    ) {}

    /**
     * The tab connects.
     */
    public static function open(Tab $tab): self
    {
        return new self(Verb::Open, $tab);
    }

    /**
     * The tab joins a channel.
     */
    public static function subscribe(Tab $tab, string $channel): self
    {
        return new self(Verb::Subscribe, $tab, $channel);
    }

    /**
     * The tab sends a client event to the others on a channel.
     *
     * @param  array<string, mixed>  $data
     */
    public static function whisper(Tab $tab, string $channel, string $event, array $data): self
    {
        return new self(Verb::Whisper, $tab, $channel, $event, $data);
    }

    /**
     * The tab leaves a channel and stays connected.
     */
    public static function unsubscribe(Tab $tab, string $channel): self
    {
        return new self(Verb::Unsubscribe, $tab, $channel);
    }

    /**
     * The tab disappears without a word to its channels.
     */
    public static function close(Tab $tab): self
    {
        return new self(Verb::Close, $tab);
    }
}
