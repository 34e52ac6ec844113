<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use PHPUnit\Framework\Attributes\DataProvider;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Middleware\RememberHandledWebhooks;
use Webpatser\ResonateWebhooks\Receiving\Verifier;

final class ReceivingConfigTest extends ReceivingTestCase
{
    public function test_text_from_the_environment_stands_for_a_number(): void
    {
        foreach (['tolerance' => '3600', 'remember' => '60', 'lease' => '5', 'max_bytes' => '2000'] as $key => $text) {
            $this->configure($key, $text);
        }

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();
        $this->postBody(str_repeat(' ', 2001), [])->assertStatus(413);
    }

    public function test_an_empty_text_is_the_default(): void
    {
        foreach (['tolerance', 'remember', 'lease', 'max_bytes', 'store'] as $key) {
            $this->configure($key, '');
        }

        $webhook = $this->webhook()->channelOccupied('room');
        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();

        $this->assertCount(1, $this->events(), 'a lease of no time would forget the webhook');
    }

    #[DataProvider('mistakes')]
    public function test_what_is_no_number_is_refused_by_its_key(string $key, mixed $value): void
    {
        $this->configure($key, $value);

        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage("resonate-webhooks-receiving.{$key}: ".json_encode($value).' is not a whole number');

        $this->app->make(in_array($key, ['tolerance', 'max_bytes'], true) ? Verifier::class : RememberHandledWebhooks::class);
    }

    /**
     * @return iterable<string, array{string, mixed}>
     */
    public static function mistakes(): iterable
    {
        yield 'minutes' => ['tolerance', '5m'];
        yield 'a negative time' => ['tolerance', -1];
        yield 'a word' => ['remember', 'always'];
        yield 'a lease of no time' => ['lease', '0'];
        yield 'a fraction' => ['lease', 1.5];
        yield 'no bytes' => ['max_bytes', 0];
        yield 'yes' => ['max_bytes', true];
    }

    public function test_a_mistake_lets_the_sender_try_again(): void
    {
        $this->configure('tolerance', '5m');

        $response = $this->app->make(Kernel::class)->handle(Request::create('/webhooks', 'POST'));

        $this->assertSame(500, $response->getStatusCode());
    }
}
