<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Support\Facades\Event;
use PHPUnit\Framework\Attributes\DataProvider;
use ReflectionClass;
use Webpatser\ResonateWebhooks\Receiving\Contracts\ChannelEvent;
use Webpatser\ResonateWebhooks\Receiving\Contracts\ConnectionEvent;
use Webpatser\ResonateWebhooks\Receiving\Contracts\MemberEvent;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\EventTypes;

/**
 * A listener on a contract gets every event of that kind. Laravel calls listeners on interfaces, but not on parent classes.
 */
final class EventContractsTest extends ReceivingTestCase
{
    /**
     * @param  class-string<WebhookEvent>  $contract
     * @param  list<string>  $names
     */
    #[DataProvider('contracts')]
    public function test_a_listener_gets_all_events_of_its_contract(string $contract, array $names): void
    {
        $received = [];
        Event::listen($contract, function (WebhookEvent $event) use (&$received): void {
            $received[] = $event->name;
        });

        $this->postAll();

        $this->assertSame($names, $received);
    }

    /**
     * @return iterable<string, array{class-string<WebhookEvent>, list<string>}>
     */
    public static function contracts(): iterable
    {
        $ofChannels = ['channel_occupied', 'member_added', 'client_event', 'cache_miss', 'subscription_count', 'member_removed', 'channel_vacated'];

        yield 'all' => [WebhookEvent::class, ['connection_established', ...$ofChannels, 'order.paid', 'connection_terminated']];
        yield 'channels' => [ChannelEvent::class, $ofChannels];
        yield 'members' => [MemberEvent::class, ['member_added', 'member_removed']];
        yield 'connections' => [ConnectionEvent::class, ['connection_established', 'connection_terminated']];
    }

    public function test_laravel_discovers_a_listener_by_its_contract(): void
    {
        $received = [];
        Event::listen(function (WebhookEvent $event) use (&$received): void {
            $received[] = [$event->appKey, $event->webhookId, $event->time->getTimestamp(), $event->payload['name'] === $event->name];
        });
        Event::listen(function (MemberEvent $event) use (&$received): void {
            $received[] = [$event->channel, $event->userId, $event->socketId, $event->data];
        });

        $this->webhook()->withId('msg_1')->memberAdded('presence-a', 7)->at(now()->setTimestamp(1_700_000_000))->post()->assertNoContent();

        // In any order, since Laravel decides which of the two it calls first.
        $this->assertEqualsCanonicalizing([['key-1', 'msg_1', 1_700_000_000, true], ['presence-a', '7', null, null]], $received);
    }

    public function test_a_queued_listener_gets_all_events_too(): void
    {
        config(['queue.default' => 'sync', 'queue.connections.sync' => ['driver' => 'sync']]);
        QueuedListener::$received = [];
        Event::listen(WebhookEvent::class, QueuedListener::class);

        $this->webhook()->channelOccupied('presence-a')->memberAdded('presence-a', 7)->post()->assertNoContent();

        $this->assertSame(['channel_occupied', 'member_added'], QueuedListener::$received);
    }

    public function test_a_failed_listener_of_a_contract_causes_a_resend(): void
    {
        Event::listen(fn (ChannelEvent $event) => throw new \RuntimeException('the database is away'));

        $this->webhook()->channelOccupied('room')->post()->assertServerError();
    }

    public function test_every_parent_class_of_an_event_is_named_as_a_base(): void
    {
        foreach (glob(dirname(__DIR__, 3).'/php/src/Receiving/Events/*.php') ?: [] as $file) {
            $class = new ReflectionClass('Webpatser\ResonateWebhooks\Receiving\Events\\'.basename($file, '.php'));

            $this->assertSame($class->isAbstract(), str_starts_with($class->getShortName(), 'Base'), $class->getName());
        }
    }

    /**
     * Post a webhook with an event of every type.
     */
    private function postAll(): void
    {
        $this->webhook()
            ->with('connection_established', ['socket_id' => '1.2'])
            ->channelOccupied('presence-a')
            ->memberAdded('presence-a', 7)
            ->clientEvent('presence-a', 'client-a')
            ->with('cache_miss', ['channel' => 'cache-a'])
            ->with('subscription_count', ['channel' => 'presence-a', 'subscription_count' => 1])
            ->memberRemoved('presence-a', 7)
            ->channelVacated('presence-a')
            ->with('order.paid', ['channel' => 'orders'])
            ->with('connection_terminated', ['socket_id' => '1.2'])
            ->post()->assertNoContent();

        $this->assertCount(count((new ReflectionClass(EventTypes::class))->getConstant('BY_NAME')) + 1, array_unique(array_map(get_class(...), $this->events())));
    }
}

/**
 * A queued listener.
 */
final class QueuedListener implements ShouldQueue
{
    /**
     * @var list<string>
     */
    public static array $received = [];

    public function handle(WebhookEvent $event): void
    {
        self::$received[] = $event->name;
    }
}
