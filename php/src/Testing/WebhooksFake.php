<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Testing;

use Closure;
use Illuminate\Support\Collection;
use Illuminate\Support\Testing\Fakes\Fake;
use PHPUnit\Framework\Assert as PHPUnit;
use Webpatser\ResonateWebhooks\Exceptions\InvalidEvent;
use Webpatser\ResonateWebhooks\Json;
use Webpatser\ResonateWebhooks\Webhooks;

/**
 * Records the custom events of the application for assertions, and answers who is there.
 */
class WebhooksFake extends Webhooks implements Fake
{
    /**
     * The names that the engine accepts.
     */
    protected const string NAME = '/^(?=.*\.)[A-Za-z0-9_.-]{1,100}$/D';

    /**
     * The recorded events.
     *
     * @var list<SentWebhook>
     */
    protected array $sent = [];

    /**
     * The channels that the test has occupied.
     */
    protected PresenceFake $presence;

    /**
     * Create a new fake. It needs no server.
     */
    public function __construct()
    {
        $this->presence = new PresenceFake;
    }

    /**
     * Occupy a channel, with these members or this number of connections. It replaces what was set before.
     *
     * @param  list<string|int>  $members
     */
    public function occupy(string $app, string $channel, array $members = [], ?int $connections = null): static
    {
        $this->presence->occupy($app, $channel, $members, $connections);

        return $this;
    }

    /**
     * Vacate a channel.
     */
    public function vacate(string $app, string $channel): static
    {
        $this->presence->vacate($app, $channel);

        return $this;
    }

    /**
     * Get the presence that the test has set.
     */
    public function presence(): PresenceFake
    {
        return $this->presence;
    }

    /**
     * Record an event, or throw if a server would refuse it.
     *
     * @return bool Always true, since the endpoints of the server are unknown here.
     *
     * @throws InvalidEvent
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        if (preg_match(static::NAME, $event) !== 1) {
            throw new InvalidEvent("the event \"{$event}\" is not a valid custom event: a name has up to 100 letters, digits, \"_\", \"-\" and \".\", with at least one \".\"");
        }

        if ($channel === '') {
            throw new InvalidEvent('the channel has no name');
        }

        // A server refuses values that cannot be encoded.
        Json::ofApplication($data);

        $this->sent[] = new SentWebhook($event, $app, $channel, $data);

        return true;
    }

    /**
     * Assert that an event was sent at least once, or a number of times.
     *
     * @param  string|Closure(SentWebhook): bool  $event  The name, or a truth test.
     * @param  (Closure(SentWebhook): bool)|int|null  $callback  A truth test, or the number of times.
     */
    public function assertSent(string|Closure $event, Closure|int|null $callback = null): void
    {
        if (is_int($callback)) {
            $this->assertSentTimes($event, $callback);

            return;
        }

        PHPUnit::assertNotEmpty(
            $this->sent($event, $callback)->all(),
            'The expected '.$this->describe($event).' was not sent.'.$this->sentInstead(),
        );
    }

    /**
     * Assert that an event was sent a number of times.
     *
     * @param  string|Closure(SentWebhook): bool  $event
     */
    public function assertSentTimes(string|Closure $event, int $times = 1): void
    {
        $count = $this->sent($event)->count();

        PHPUnit::assertSame(
            $times, $count,
            'The expected '.$this->describe($event)." was sent {$count} times instead of {$times}.",
        );
    }

    /**
     * Assert that an event was not sent.
     *
     * @param  string|Closure(SentWebhook): bool  $event
     * @param  (Closure(SentWebhook): bool)|null  $callback
     */
    public function assertNotSent(string|Closure $event, ?Closure $callback = null): void
    {
        PHPUnit::assertEmpty(
            $this->sent($event, $callback)->all(),
            'The unexpected '.$this->describe($event).' was sent.',
        );
    }

    /**
     * Assert that no event was sent.
     */
    public function assertNothingSent(): void
    {
        PHPUnit::assertEmpty($this->sent, 'Events were sent unexpectedly.'.$this->sentInstead());
    }

    /**
     * Assert that a number of events were sent in total.
     */
    public function assertSentCount(int $count): void
    {
        PHPUnit::assertCount($count, $this->sent, "The number of events sent is not {$count}.".$this->sentInstead());
    }

    /**
     * Get the sent events: all, those with a name, or those that pass a truth test.
     *
     * @param  string|(Closure(SentWebhook): bool)|null  $event
     * @param  (Closure(SentWebhook): bool)|null  $callback
     * @return Collection<int, SentWebhook>
     */
    public function sent(string|Closure|null $event = null, ?Closure $callback = null): Collection
    {
        return (new Collection($this->sent))
            ->filter(match (true) {
                is_string($event) => fn (SentWebhook $sent) => $sent->event === $event,
                default => $event ?? fn () => true,
            })
            ->filter($callback ?? fn () => true)
            ->values();
    }

    /**
     * Describe the expected event.
     */
    protected function describe(string|Closure $event): string
    {
        return is_string($event) ? "[{$event}] event" : 'event';
    }

    /**
     * List the events that were sent instead.
     */
    protected function sentInstead(): string
    {
        return $this->sent === []
            ? ''
            : ' Sent were: '.implode(', ', array_column($this->sent, 'event')).'.';
    }
}
