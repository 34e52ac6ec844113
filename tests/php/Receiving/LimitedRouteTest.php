<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Event;
use Illuminate\Support\Facades\Route;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Middleware\VerifyWebhookSignature;
use Webpatser\ResonateWebhooks\Receiving\Rejection;

/**
 * Routes that accept the webhooks of some applications only.
 */
final class LimitedRouteTest extends ReceivingTestCase
{
    protected function setUp(): void
    {
        parent::setUp();

        config(['reverb.apps.apps' => [TestApplication::app('1'), TestApplication::app('2'), TestApplication::app('3')]]);
    }

    /**
     * @param  string|int|list<string>  $app
     * @param  list<string>  $accepted
     */
    #[DataProvider('limits')]
    public function test_a_route_accepts_the_webhooks_of_its_applications_only(string|int|array $app, array $accepted): void
    {
        Route::resonateWebhooks('/limited', 'limited', app: $app);

        foreach (['key-1', 'key-2', 'key-3'] as $key) {
            $response = $this->webhook()->channelOccupied('room')->from($key)->post('/limited');

            in_array($key, $accepted, true) ? $response->assertNoContent() : $response->assertUnauthorized();
        }

        $this->assertSame($accepted, array_column($this->events(), 'appKey'));
        $this->assertSame(array_fill(0, 3 - count($accepted), Rejection::WrongApplication), $this->rejected);
    }

    /**
     * @return iterable<string, array{string|int|list<string>, list<string>}>
     */
    public static function limits(): iterable
    {
        yield 'by its key' => ['key-2', ['key-2']];
        yield 'by its id' => ['2', ['key-2']];
        yield 'by an id that is a number' => [2, ['key-2']];
        yield 'two applications' => [['key-1', '3'], ['key-1', 'key-3']];
        yield 'one of two is not set' => [['key-1', ''], ['key-1']];
        yield 'all, by *' => ['*', ['key-1', 'key-2', 'key-3']];
        yield 'an unknown application' => ['4', []];
    }

    public function test_a_key_that_is_the_id_of_another_application_is_a_key(): void
    {
        config(['reverb.apps.apps' => [TestApplication::app('1'), ['app_id' => '7', 'key' => '1', 'secret' => 'secret-7']]]);
        Route::resonateWebhooks('/limited', 'limited', app: '1');

        $this->webhook()->channelOccupied('room')->from('1')->post('/limited')->assertNoContent();
        $this->webhook()->channelOccupied('room')->from('key-1')->post('/limited')->assertUnauthorized();
    }

    public function test_a_key_may_have_any_characters(): void
    {
        $this->configure('secrets', ['a,b:c%2C*' => 'secret-a', 'b:c%2C*' => 'secret-b', 'a' => 'secret-c']);
        Route::resonateWebhooks('/limited', 'limited', app: 'a,b:c%2C*');

        $this->webhook()->channelOccupied('room')->from('a,b:c%2C*')->post('/limited')->assertNoContent();
        $this->webhook()->channelOccupied('room')->from('b:c%2C*')->post('/limited')->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('a')->post('/limited')->assertUnauthorized();
    }

    /**
     * @param  string|list<string|null>|null  $app
     */
    #[DataProvider('unset')]
    public function test_an_unset_limit_accepts_no_webhooks(string|array|null $app): void
    {
        Route::resonateWebhooks('/limited', 'limited', app: $app);

        $response = $this->webhook()->channelOccupied('room')->from('key-1')->post('/limited');

        $response->assertServerError();
        $this->assertInstanceOf(InvalidConfig::class, $response->exception);
        $this->assertStringContainsString('[limited]', $response->exception->getMessage());
        $this->assertSame([], $this->received);
    }

    /**
     * @return iterable<string, array{string|list<string|null>|null}>
     */
    public static function unset(): iterable
    {
        yield 'null, as env() of a variable that is not set' => [null];
        yield 'an empty text' => [''];
        yield 'an empty list' => [[]];
        yield 'a list of null' => [[null, '']];
    }

    public function test_a_genuine_webhook_on_the_route_of_another_application_is_logged(): void
    {
        Route::resonateWebhooks('/limited', 'limited', app: 'key-1');

        $this->webhook()->channelOccupied('room')->withId('msg_2')->from('key-2')->post('/limited')->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('key-2', 'guessed')->post('/limited')->assertUnauthorized();

        $this->assertCount(1, $this->application->log());
        $this->assertMatchesRegularExpression('/^WARNING: Resonate webhooks: .*key-2.*`app`.*msg_2/', $this->application->log()[0]);
        $this->assertSame([Rejection::WrongApplication, Rejection::WrongStandardSignature], $this->rejected);
    }

    public function test_the_middleware_limits_a_custom_controller(): void
    {
        Route::post('/own', fn () => response()->noContent())->middleware(VerifyWebhookSignature::only('key-1', '3'));

        $this->webhook()->channelOccupied('room')->from('key-1')->post('/own')->assertNoContent();
        $this->webhook()->channelOccupied('room')->from('key-2')->post('/own')->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('key-3')->post('/own')->assertNoContent();
    }

    public function test_listeners_of_a_shared_route_distinguish_applications_by_key(): void
    {
        $received = [];
        Event::listen(function (ChannelOccupied $event) use (&$received): void {
            $received[] = "{$event->appKey} {$event->channel}";
        });

        foreach (['key-1', 'key-2'] as $key) {
            $this->webhook()->channelOccupied('room')->from($key)->post()->assertNoContent();
        }

        $this->assertSame(['key-1 room', 'key-2 room'], $received);
    }
}
