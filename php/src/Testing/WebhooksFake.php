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
 * Keeps the events that an application sends, so that its tests can look at them.
 */
class WebhooksFake extends Webhooks implements Fake
{
    /**
     * What the engine takes for a name.
     */
    protected const string NAME = '/^(?=.*\.)[A-Za-z0-9_.-]{1,100}$/D';

    /**
     * The events that were sent, in their order.
     *
     * @var list<SentWebhook>
     */
    protected array $sent = [];

    /**
     * Create a new fake, which needs no server.
     */
    public function __construct()
    {
        //
    }

    /**
     * Keep an event, unless the server would refuse it.
     *
     * @return bool That an endpoint asks for it: the endpoints are those of the server, which is not here.
     *
     * @throws InvalidEvent
     */
    public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
    {
        if (preg_match(static::NAME, $event) !== 1) {
            throw new InvalidEvent("the event \"{$event}\" is none of an application: it takes 100 letters, digits, \"_\", \"-\" and \".\" at most, with one full stop at least");
        }

        if ($channel === '') {
            throw new InvalidEvent('the channel has no name');
        }

        // What cannot be written as JSON is refused there, too.
        Json::ofApplication($data);

        $this->sent[] = new SentWebhook($event, $app, $channel, $data);

        return true;
    }

    /**
     * Assert that an event was sent, once at least or so many times.
     *
     * @param  string|Closure(SentWebhook): bool  $event  Its name, or what is true of it.
     * @param  (Closure(SentWebhook): bool)|int|null  $callback  What else is true of it, or how many times.
     */
    public function assertSent(string|Closure $event, Closure|int|null $callback = null): void
    {
        if (is_int($callback)) {
            $this->assertSentTimes($event, $callback);

            return;
        }

        PHPUnit::assertNotEmpty(
            $this->sent($event, $callback)->all(),
            'The expected '.$this->describe($event).' was not sent.'.$this->others(),
        );
    }

    /**
     * Assert that an event was sent so many times.
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
        PHPUnit::assertEmpty($this->sent, 'Events were sent unexpectedly.'.$this->others());
    }

    /**
     * Assert that so many events were sent in all.
     */
    public function assertSentCount(int $count): void
    {
        PHPUnit::assertCount($count, $this->sent, "The number of events sent is not {$count}.".$this->others());
    }

    /**
     * The events that were sent: all of them, those of a name, or those of which something is true.
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
     * Name what a test looks for.
     */
    protected function describe(string|Closure $event): string
    {
        return is_string($event) ? "[{$event}] event" : 'event';
    }

    /**
     * Name what was sent instead.
     */
    protected function others(): string
    {
        return $this->sent === []
            ? ''
            : ' Sent were: '.implode(', ', array_column($this->sent, 'event')).'.';
    }
}
