<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Facades\Facade;
use PHPUnit\Framework\Attributes\DataProvider;
use RuntimeException;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Throwable;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
use Webpatser\ResonateWebhooks\Exceptions\InvalidEvent;
use Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;
use Webpatser\ResonateWebhooks\Facades\Webhooks;
use Webpatser\ResonateWebhooks\Hosts\Node;

final class CustomEventTest extends PluginTestCase
{
    public function test_the_application_sends_custom_events(): void
    {
        $this->serve(['endpoints' => [$this->endpoint(more: ['events' => ['order.*', 'user.born']])]]);

        $this->assertTrue(Webhooks::send('order.paid', app: '1', channel: 'orders', data: ['id' => 7, 'at' => 'a/b', 'sum' => 1.0]));
        $this->assertTrue(Webhooks::send('order.lost', app: '1', channel: 'orders'));
        $this->assertTrue(Webhooks::send('user.born', app: '1', data: 'Jörg'));
        $this->assertFalse(Webhooks::send('user.died', app: '1'), 'no endpoint lists it');
        $this->awaitEvents(3);

        $this->assertEqualsCanonicalizing(
            [
                ['name' => 'order.paid', 'channel' => 'orders', 'data' => '{"id":7,"at":"a/b","sum":1.0}'],
                ['name' => 'order.lost', 'channel' => 'orders'],
                ['name' => 'user.born', 'data' => '"Jörg"'],
            ],
            Receiver::shared()->events($this->path()),
        );
    }

    public function test_a_custom_event_goes_to_the_endpoints_of_its_application_that_list_it(): void
    {
        $this->serve(
            ['endpoints' => [
                $this->endpoint('/both', ['events' => ['order.paid']]),
                $this->endpoint('/one', ['events' => ['order.paid'], 'app_id' => '1']),
                $this->endpoint('/usual'),
            ]],
            [TestApplication::app('1'), TestApplication::app('2')],
        );

        app(Node::class)->send('order.paid', '2', 'two');
        app(Node::class)->send('order.paid', '1', 'one');
        $this->awaitEvents(2, '/both');
        $this->awaitEvents(1, '/one');

        $this->assertSame(['one'], array_column(Receiver::shared()->events($this->path('/one')), 'channel'));
        $this->assertSame([], Receiver::shared()->events($this->path('/usual')));
    }

    /**
     * @param  array<string, mixed>  $arguments
     * @param  class-string<Throwable>  $exception
     */
    #[DataProvider('mistakes')]
    public function test_an_invalid_event_is_refused_with_the_reason(array $arguments, string $exception, string $message): void
    {
        $this->serve(['endpoints' => [$this->endpoint(more: ['events' => ['order.*']])]]);

        $this->expectException($exception);
        $this->expectExceptionMessage($message);

        Webhooks::send(...$arguments + ['event' => 'order.paid', 'app' => '1']);
    }

    /**
     * @return iterable<string, array{0: array<string, mixed>, 1: class-string<Throwable>, 2: string}>
     */
    public static function mistakes(): iterable
    {
        yield 'a name without a full stop' => [['event' => 'paid'], InvalidEvent::class, 'event "paid" has no full stop'];
        yield 'a name with a space' => [['event' => 'order.paid now'], InvalidEvent::class, 'has other characters'];
        yield 'a wildcard' => [['event' => 'order.*'], InvalidEvent::class, 'has other characters'];
        yield 'an application that does not exist' => [['app' => 'nobody'], UnknownApplication::class, "with the id 'nobody'"];
        yield 'a channel without a name' => [['channel' => ''], InvalidEvent::class, 'the channel has no name'];
        yield 'data that JSON cannot encode' => [['data' => ["\xff"]], InvalidEvent::class, 'the data cannot be encoded as JSON'];
    }

    public function test_a_provider_of_applications_that_fails_is_the_cause(): void
    {
        $this->serve(['endpoints' => [$this->endpoint(more: ['events' => ['order.*']])]]);
        app()->bind(ApplicationProvider::class, fn () => throw new RuntimeException('the database is away'));

        $this->expectExceptionObject(new EventNotSent('the event was not sent: the provider of applications failed: the database is away'));

        Webhooks::send('order.paid', 'new');
    }

    public function test_a_server_whose_webhooks_could_not_start_refuses_events_without_waiting_for_redis(): void
    {
        $this->serve(['queue_size' => 'many']);

        $this->expectException(ServerNotRunning::class);
        $this->expectExceptionMessage('the event was not sent: the webhooks of this server process have not started');

        Webhooks::send('order.paid', app: '1');
    }

    public function test_a_replacement_in_the_container_is_called(): void
    {
        $this->application = new TestApplication($this->config());
        $calls = [];

        Webhooks::swap(new class ($this->application->laravel, $calls) extends \Webpatser\ResonateWebhooks\Webhooks
        {
            /**
             * @param  list<string>  $calls
             */
            public function __construct($container, private array &$calls)
            {
                parent::__construct($container);
            }

            public function send(string $event, string $app, ?string $channel = null, mixed $data = null): bool
            {
                $this->calls[] = $event;

                return true;
            }
        });

        $this->assertTrue(app(\Webpatser\ResonateWebhooks\Webhooks::class)->send('order.paid', '1'));
        Webhooks::send('order.lost', '1');
        $this->assertSame(['order.paid', 'order.lost'], $calls);
        Facade::clearResolvedInstances();
    }

    private function awaitEvents(int $count, string $prefix = ''): void
    {
        Support\Wait::until(
            fn () => count(Receiver::shared()->events($this->path($prefix))) >= $count,
            fn () => "{$count} events; received: ".json_encode(Receiver::shared()->events($this->path($prefix))),
        );
    }
}
