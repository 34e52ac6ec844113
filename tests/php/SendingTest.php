<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\TestWith;
use RuntimeException;
use Tests\Support\FakeServer;
use Tests\Support\FreePort;
use Tests\Support\Receiver;
use Tests\Support\RedisServer;
use Tests\Support\Sender;
use Tests\Support\TestApplication;
use Tests\Support\Wait;
use Webpatser\Resonate\Contracts\ApplicationProvider;
use Webpatser\ResonateWebhooks\Contracts\Cluster;
use Webpatser\ResonateWebhooks\Contracts\EndpointProvider;
use Webpatser\ResonateWebhooks\Exceptions\EventNotSent;
use Webpatser\ResonateWebhooks\Exceptions\InvalidEvent;
use Webpatser\ResonateWebhooks\Exceptions\UnknownApplication;
use Webpatser\ResonateWebhooks\Facades\Webhooks;

/**
 * Custom events from processes that are not servers.
 */
final class SendingTest extends PluginTestCase
{
    private const array EVENTS = ['events' => ['order.*', 'channel_occupied']];

    #[TestWith(['command'])]
    #[TestWith(['job'])]
    #[TestWith(['request'])]
    public function test_an_event_from_another_process_is_delivered_and_signed_by_the_server(string $from): void
    {
        $config = ['endpoints' => [$this->endpoint(more: self::EVENTS)]];
        $node = $this->node($config);
        $sender = new Sender($this->config($config));

        $this->assertSame(['sent' => true], $sender->send('order.paid', 'orders', ['id' => 7], from: $from));
        $this->assertSame(['sent' => false], $sender->send('user.born', from: $from), 'no endpoint asks for that');
        $this->assertSame(['sent' => false], $sender->send('order.paid', '#server-1', from: $from), 'an ignored channel');
        $this->awaitEvent('order.paid orders');
        $sender->stop();
        $node->stop();

        [$request] = Receiver::shared()->requests($this->path());
        $this->assertSame([['name' => 'order.paid', 'channel' => 'orders', 'data' => '{"id":7}']], Receiver::shared()->events($this->path()));
        $this->assertSame(hash_hmac('sha256', $request['body'], 'secret-1'), $request['headers']['x-pusher-signature']);
        $this->assertEqualsWithDelta(microtime(true) * 1000, json_decode($request['body'], true)['time_ms'], 30_000);
    }

    public function test_events_of_a_channel_from_a_server_and_a_job_arrive_in_order(): void
    {
        $config = ['endpoints' => ['hook' => $this->endpoint(more: self::EVENTS)]];
        $this->application = new TestApplication($this->config($config));
        // The events stay in the outbox, where they are counted.
        app(Cluster::class)->pause('hook');
        $server = $this->server = new FakeServer($this->application->laravel);
        $sender = new Sender($this->config($config));

        $server->connect()->subscribe('orders');
        $this->awaitInOutbox(1);
        $expected = ['channel_occupied orders'];

        for ($n = 0; $n < 20; $n++) {
            Webhooks::send("order.server-{$n}", '1', 'orders');
            $this->awaitInOutbox(2 * $n + 2);
            $this->assertSame(['sent' => true], $sender->send("order.job-{$n}", 'orders', from: 'job'));
            array_push($expected, "order.server-{$n} orders", "order.job-{$n} orders");
        }

        $this->awaitInOutbox(41);
        app(Cluster::class)->resume('hook');
        $this->assertEvents($expected);
    }

    public function test_an_event_that_is_sent_while_no_server_runs_waits_for_one(): void
    {
        $config = ['endpoints' => [$this->endpoint(more: self::EVENTS)]];
        $sender = new Sender($this->config($config));

        $this->assertSame(['sent' => true], $sender->send('order.paid', 'orders'));
        $node = $this->node($config);

        $this->awaitEvent('order.paid orders');
        $node->stop();
    }

    /**
     * @param  array<string, mixed>  $arguments
     * @param  class-string  $exception
     */
    #[DataProvider('mistakes')]
    public function test_an_invalid_event_is_refused_as_in_a_server(array $arguments, string $exception, string $message): void
    {
        $sender = new Sender($this->config(['endpoints' => [$this->endpoint(more: self::EVENTS)]]));

        $answer = $sender->send(...$arguments + ['event' => 'order.paid']);

        $this->assertSame($exception, $answer['threw'] ?? null);
        $this->assertStringContainsString($message, $answer['message']);
    }

    /**
     * @return iterable<string, array{0: array<string, mixed>, 1: class-string, 2: string}>
     */
    public static function mistakes(): iterable
    {
        yield 'a name without a full stop' => [['event' => 'paid'], InvalidEvent::class, 'event "paid" has no full stop'];
        yield 'an application that does not exist' => [['app' => 'nobody'], UnknownApplication::class, "with the id 'nobody'"];
        yield 'a channel without a name' => [['channel' => ''], InvalidEvent::class, 'the channel has no name'];
    }

    /**
     * @param  array<string, mixed>  $changes
     * @param  list<string>  $words
     */
    #[DataProvider('obstacles')]
    public function test_an_event_that_cannot_be_sent_is_refused_with_the_cause_the_key_and_the_fix(array $changes, array $words): void
    {
        $answer = (new Sender($this->config(['endpoints' => [$this->endpoint(more: self::EVENTS)], ...$changes])))->send('order.paid');

        $this->assertSame(EventNotSent::class, $answer['threw'] ?? null);

        foreach (['the event was not sent', ...$words] as $word) {
            $this->assertStringContainsString($word, $answer['message']);
        }
    }

    /**
     * @return iterable<string, array{array<string, mixed>, list<string>}>
     */
    public static function obstacles(): iterable
    {
        $port = FreePort::find();

        yield 'an unused port' => [['connection' => ['host' => '127.0.0.1', 'port' => $port]], ["127.0.0.1:{$port}", 'unreachable', 'resonate-webhooks.connection']];
    }

    public function test_a_provider_of_applications_that_fails_is_the_cause(): void
    {
        $this->application = new TestApplication($this->config(['endpoints' => [$this->endpoint(more: self::EVENTS)]]));
        app()->bind(ApplicationProvider::class, fn () => throw new RuntimeException('the database is away'));

        $this->expectExceptionObject(new EventNotSent('the event was not sent: the provider of applications failed: the database is away'));

        Webhooks::send('order.paid', '1');
    }

    public function test_without_the_extension_an_event_is_refused_with_the_fix(): void
    {
        $answer = (new Sender($this->config(), withExtension: false))->send('order.paid');

        $this->assertSame(EventNotSent::class, $answer['threw'] ?? null);
        $this->assertStringContainsString('extension=resonate_webhooks', $answer['message']);
    }

    public function test_events_are_sent_only_if_an_endpoint_of_the_provider_lists_them(): void
    {
        $this->application = new TestApplication($this->config(['endpoints' => []]));
        $endpoints = [$this->endpoint(more: self::EVENTS)];
        app()->instance(EndpointProvider::class, new class ($endpoints) implements EndpointProvider
        {
            /**
             * @param  list<array<string, mixed>>  $endpoints
             */
            public function __construct(private readonly array $endpoints)
            {
                //
            }

            public function endpoints(): iterable
            {
                return $this->endpoints;
            }
        });

        $this->assertTrue(Webhooks::send('order.paid', '1'));
        $this->assertFalse(Webhooks::send('user.born', '1'));
    }

    /**
     * Wait for a number of events in the outbox.
     */
    private function awaitInOutbox(int $events): void
    {
        $length = fn (int $partition) => (int) RedisServer::shared()->command('XLEN', "{$this->config()['key_prefix']}:out:{$partition}")[0];

        Wait::until(fn () => array_sum(array_map($length, range(0, 15))) === $events, "{$events} events in the outbox");
    }
}
