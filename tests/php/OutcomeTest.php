<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Facades\Event;
use RuntimeException;
use Tests\Support\FreePort;
use Tests\Support\Receiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Contracts\DeadLetters;
use Webpatser\ResonateWebhooks\Events\EndpointDisabled;
use Webpatser\ResonateWebhooks\Events\EndpointFailing;
use Webpatser\ResonateWebhooks\Events\EndpointRecovered;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Events\WebhookDropped;

final class OutcomeTest extends PluginTestCase
{
    public function test_a_delivery_becomes_a_laravel_event(): void
    {
        $server = $this->serve(['endpoints' => ['billing' => $this->endpoint()]]);
        $delivered = $this->listen(WebhookDelivered::class);

        $server->connect()->join('presence-room', 7);

        Wait::until(fn () => array_sum(array_column($delivered->events, 'events')) === 2, 'both events');
        $expected = array_map(fn (array $request) => new WebhookDelivered(
            Receiver::shared()->url($this->path()), 200, '1', 1,
            $request['headers']['webhook-id'], 'billing', count(json_decode($request['body'], true)['events']),
        ), Receiver::shared()->requests($this->path()));
        $this->assertEquals($expected, $delivered->events);
    }

    public function test_a_delivery_has_the_number_of_its_attempts(): void
    {
        $server = $this->serve(['endpoints' => [$this->endpoint('/flaky/1')]]);
        $delivered = $this->listen(WebhookDelivered::class);

        $server->connect()->subscribe('room');

        Wait::until(fn () => $delivered->events !== [], 'the event');
        $this->assertSame([2], array_column($delivered->events, 'attempts'));
    }

    public function test_a_dropped_webhook_becomes_a_laravel_event_and_one_log_line(): void
    {
        $server = $this->serve(['max_attempts' => 1, 'endpoints' => ['billing' => $this->endpoint('/status/500')]]);
        $dropped = $this->listen(WebhookDropped::class);

        $server->connect()->subscribe('room');

        Wait::until(fn () => $dropped->events !== [], 'the event');
        $url = Receiver::shared()->url($this->path('/status/500'));
        [$request] = Receiver::shared()->requests($this->path('/status/500'));
        [$deadLetter] = app(DeadLetters::class)->list();
        $this->assertEquals(
            [new WebhookDropped($url, '1', 1, 'HTTP 500', $request['headers']['webhook-id'], 'billing', 1, $deadLetter['id'])],
            $dropped->events,
        );
        $this->assertSame($request['headers']['webhook-id'], $deadLetter['webhook_id']);
        $lines = Wait::until(fn () => preg_grep('/Webhook dropped .*HTTP 500/', $this->application->log()), 'the line');
        $this->assertCount(1, $lines);
        $this->assertStringStartsWith('WARNING: Resonate webhooks: ', end($lines));
        $this->assertStringContainsString($url, end($lines));
    }

    public function test_an_endpoint_that_fails_and_comes_back_becomes_two_laravel_events(): void
    {
        $server = $this->serve(['max_attempts' => 1, 'endpoints' => ['billing' => $this->endpoint('/flaky/1')]]);
        $failing = $this->listen(EndpointFailing::class);
        $recovered = $this->listen(EndpointRecovered::class);
        $client = $server->connect();

        $client->subscribe('room');
        Wait::until(fn () => $failing->events !== [], 'the failure');
        $client->subscribe('hall');
        Wait::until(fn () => $recovered->events !== [], 'the recovery');

        $url = Receiver::shared()->url($this->path('/flaky/1'));
        $answeredMs = $failing->events[0]->answeredMs;
        $this->assertEqualsWithDelta(microtime(true) * 1000, $answeredMs, 60_000);
        $this->assertEquals([new EndpointFailing($url, 'HTTP 500', 0, 'billing', 'Oops: no [1mdatabase, [redacted]', 500, $answeredMs)], $failing->events);
        $this->assertEquals([new EndpointRecovered($url, $recovered->events[0]->seconds, 'billing')], $recovered->events);
    }

    public function test_an_endpoint_that_answers_410_becomes_a_laravel_event(): void
    {
        $server = $this->serve(['endpoints' => [$this->endpoint('/status/410')]]);
        $disabled = $this->listen(EndpointDisabled::class);

        $server->connect()->subscribe('room');

        Wait::until(fn () => $disabled->events !== [], 'the event');
        $url = Receiver::shared()->url($this->path('/status/410'));
        $this->assertEquals([new EndpointDisabled($url, 'HTTP 410', $disabled->events[0]->endpoint)], $disabled->events);
    }

    public function test_neither_event_nor_log_shows_the_password_in_a_url(): void
    {
        $port = FreePort::find();
        $server = $this->serve(['max_attempts' => 1, 'endpoints' => [['url' => "http://user:pass%77ord@127.0.0.1:{$port}/hook"]]]);
        $dropped = $this->listen(WebhookDropped::class);

        $server->connect()->subscribe('room');

        Wait::until(fn () => $dropped->events !== [], 'the event');
        $this->assertSame("http://127.0.0.1:{$port}/hook", $dropped->events[0]->url);
        $this->assertDoesNotMatchRegularExpression('/pass(w|%77)ord/', implode("\n", $this->application->log()));
    }

    public function test_a_listener_that_throws_does_not_affect_other_outcomes(): void
    {
        $server = $this->serve();
        $delivered = $this->listen(WebhookDelivered::class);
        Event::listen(WebhookDelivered::class, fn () => throw new RuntimeException('a broken listener'));

        $server->connect()->subscribe('one');
        Wait::until(fn () => count($delivered->events) === 1, 'the first event');
        $server->connect()->subscribe('two');
        Wait::until(fn () => count($delivered->events) === 2, 'the second event');

        $this->assertNotSame([], preg_grep('/a broken listener/', $this->application->log()));
    }

    public function test_a_listener_that_suspends_its_fiber_delays_no_other_outcome(): void
    {
        $server = $this->serve(['reconcile_interval' => 1.0]);
        $delivered = $this->listen(WebhookDelivered::class);
        Event::listen(WebhookDelivered::class, fn () => Wait::pause(0.3));

        $ann = $server->connect()->subscribe('private-one')->removeFrom('private-one');

        $this->awaitEvent('channel_vacated private-one');
        $ann->subscribe('private-two');
        $this->awaitEvent('channel_occupied private-two');
        Wait::until(fn () => count($delivered->events) === 3, 'every event');
    }

    /**
     * Record the events of a class.
     *
     * @param  class-string  $class
     * @return object{events: list<object>}
     */
    private function listen(string $class): object
    {
        $received = new class
        {
            /**
             * @var list<object>
             */
            public array $events = [];
        };

        Event::listen($class, function (object $event) use ($received): void {
            $received->events[] = $event;
        });

        return $received;
    }
}
