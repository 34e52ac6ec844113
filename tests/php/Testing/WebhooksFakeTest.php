<?php

declare(strict_types=1);

namespace Tests\Testing;

use Closure;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\ExpectationFailedException;
use Tests\Receiving\ReceivingTestCase;
use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Exceptions\NotTracked;
use Webpatser\ResonateWebhooks\Facades\Webhooks;
use Webpatser\ResonateWebhooks\Testing\SentWebhook;
use Webpatser\ResonateWebhooks\Testing\WebhooksFake;
use Webpatser\ResonateWebhooks\Webhooks as Sender;

/**
 * The fake for tests of applications that send custom events, without a server and without the extension.
 */
final class WebhooksFakeTest extends ReceivingTestCase
{
    public function test_sent_events_can_be_asserted(): void
    {
        $fake = Webhooks::fake();

        Webhooks::send('order.shipped', 'app-1', 'orders', ['id' => 7]);
        Webhooks::send('order.shipped', 'app-2', 'orders', ['id' => 8]);
        app(Sender::class)->send('app.pinged', 'app-1');

        Webhooks::assertSent('order.shipped');
        Webhooks::assertSent('order.shipped', 2);
        Webhooks::assertSent('order.shipped', fn (SentWebhook $sent) => $sent->app === 'app-1' && $sent->data === ['id' => 7]);
        Webhooks::assertSent(fn (SentWebhook $sent) => $sent->event === 'app.pinged' && $sent->channel === null && $sent->data === null);
        Webhooks::assertSentTimes('app.pinged');
        Webhooks::assertNotSent('order.lost');
        Webhooks::assertNotSent('order.shipped', fn (SentWebhook $sent) => $sent->app === 'app-3');
        Webhooks::assertNotSent(fn (SentWebhook $sent) => $sent->channel === 'presence-a');
        Webhooks::assertSentCount(3);

        $this->assertInstanceOf(WebhooksFake::class, $fake);
        $this->assertSame([7, 8], $fake->sent('order.shipped')->map(fn (SentWebhook $sent) => $sent->data['id'])->all());
        $this->assertEquals(new SentWebhook('order.shipped', 'app-2', 'orders', ['id' => 8]), $fake->sent()[1]);
        $this->assertSame(['app-2'], $fake->sent(fn (SentWebhook $sent) => $sent->data === ['id' => 8])->pluck('app')->all());
    }

    public function test_the_fake_answers_who_is_there(): void
    {
        $fake = Webhooks::fake()
            ->occupy('app-1', 'presence-room', members: [7, '8', 8])
            ->occupy('app-1', 'news', connections: 3)
            ->occupy('app-1', '12')
            ->occupy('app-2', 'presence-hall');
        $app = Webhooks::app('app-1');

        $this->assertSame(['presence-room', 'news', '12'], $app->channels()->all());
        $this->assertSame(['presence-room'], Webhooks::channels('app-1', prefix: 'presence-')->all());
        $this->assertSame(['7', '8'], $app->members('presence-room')->all());
        $this->assertSame([2, 3, 0], [$app->count('presence-room'), $app->count('news'), $app->count('empty')]);
        $this->assertSame(['names' => ['8'], 'cursor' => null], app(Presence::class)->members('app-1', 'presence-room', cursor: '1', limit: 1));

        $fake->vacate('app-1', 'presence-room');
        $this->assertSame([[], false], [$app->members('presence-room')->all(), $app->occupied('presence-room')]);
        $this->assertTrue(app(Sender::class)->app('app-2')->occupied('presence-hall'));

        $this->expectException(NotTracked::class);
        $app->count('12');
    }

    public function test_nothing_is_sent_at_first(): void
    {
        Webhooks::fake();

        Webhooks::assertNothingSent();
        Webhooks::assertSentCount(0);
    }

    /**
     * @param  Closure(): void  $assertion
     */
    #[DataProvider('failures')]
    public function test_a_failed_assertion_lists_the_sent_events(Closure $assertion, string $message): void
    {
        Webhooks::fake();
        Webhooks::send('order.shipped', 'app-1', 'orders', ['id' => 7]);

        try {
            $assertion();
        } catch (ExpectationFailedException $e) {
            $this->assertStringStartsWith($message, $e->getMessage());

            return;
        }

        $this->fail('the assertion holds');
    }

    /**
     * @return iterable<string, array{0: Closure(): void, 1: string}>
     */
    public static function failures(): iterable
    {
        yield 'another name' => [fn () => Webhooks::assertSent('order.lost'), 'The expected [order.lost] event was not sent. Sent were: order.shipped.'];
        yield 'other data' => [fn () => Webhooks::assertSent('order.shipped', fn (SentWebhook $sent) => $sent->data === []), 'The expected [order.shipped] event was not sent.'];
        yield 'no such event' => [fn () => Webhooks::assertSent(fn (SentWebhook $sent) => false), 'The expected event was not sent.'];
        yield 'fewer times' => [fn () => Webhooks::assertSent('order.shipped', 2), 'The expected [order.shipped] event was sent 1 times instead of 2.'];
        yield 'more times' => [fn () => Webhooks::assertSentTimes('order.shipped', 0), 'The expected [order.shipped] event was sent 1 times instead of 0.'];
        yield 'sent' => [fn () => Webhooks::assertNotSent('order.shipped'), 'The unexpected [order.shipped] event was sent.'];
        yield 'not nothing' => [fn () => Webhooks::assertNothingSent(), 'Events were sent unexpectedly. Sent were: order.shipped.'];
        yield 'another count' => [fn () => Webhooks::assertSentCount(2), 'The number of events sent is not 2. Sent were: order.shipped.'];
    }
}
