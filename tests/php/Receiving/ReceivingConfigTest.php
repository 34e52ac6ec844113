<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Contracts\Http\Kernel;
use Illuminate\Http\Request;
use PHPUnit\Framework\Attributes\DataProvider;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Middleware\DeduplicateWebhooks;
use Webpatser\ResonateWebhooks\Receiving\ReceivingConfig;
use Webpatser\ResonateWebhooks\Receiving\Verifier;

final class ReceivingConfigTest extends ReceivingTestCase
{
    public function test_text_from_the_environment_is_read_as_a_number(): void
    {
        foreach (['tolerance' => '30', 'dedupe_for' => '60', 'lock_for' => '5', 'max_bytes' => '2000'] as $key => $text) {
            $this->configure($key, $text);
        }

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();
        $this->postBody(str_repeat(' ', 2001), [])->assertStatus(413);
    }

    public function test_an_empty_text_is_the_default(): void
    {
        foreach (['tolerance', 'dedupe_for', 'lock_for', 'max_bytes', 'store'] as $key) {
            $this->configure($key, '');
        }

        $webhook = $this->webhook()->channelOccupied('room');
        $webhook->post()->assertNoContent();
        $webhook->post()->assertNoContent();

        $this->assertCount(1, $this->events(), 'a lock of zero seconds would have no effect');
    }

    #[DataProvider('mistakes')]
    public function test_an_invalid_number_is_refused_by_its_key(string $key, mixed $value): void
    {
        $this->configure($key, $value);

        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage("resonate-webhooks-receiving.{$key}: ".json_encode($value).' is not a whole number');

        $this->app->make(in_array($key, ['tolerance', 'max_bytes'], true) ? Verifier::class : DeduplicateWebhooks::class);
    }

    /**
     * @return iterable<string, array{string, mixed}>
     */
    public static function mistakes(): iterable
    {
        yield 'minutes' => ['tolerance', '5m'];
        yield 'a negative time' => ['tolerance', -1];
        yield 'a word' => ['dedupe_for', 'always'];
        yield 'a lock of zero seconds' => ['lock_for', '0'];
        yield 'a negative lock' => ['lock_for', -20];
        yield 'a fraction' => ['lock_for', 1.5];
        yield 'zero bytes' => ['max_bytes', 0];
        yield 'yes' => ['max_bytes', true];
    }

    #[DataProvider('short')]
    public function test_a_webhook_is_not_forgotten_while_it_could_be_replayed(int|string $dedupeFor, int|string $tolerance): void
    {
        $this->configure('dedupe_for', $dedupeFor);
        $this->configure('tolerance', $tolerance);

        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage("resonate-webhooks-receiving.dedupe_for: {$dedupeFor} is less than the tolerance of {$tolerance}");

        $this->app->make(DeduplicateWebhooks::class);
    }

    /**
     * @return iterable<string, array{int|string, int|string}>
     */
    public static function short(): iterable
    {
        yield 'one second too short' => [299, 300];
        yield 'text' => ['60', '300'];
        yield 'disabled' => [0, 1];
        yield 'the default, too short' => [86400, 86401];
    }

    public function test_dedupe_for_may_equal_the_tolerance_and_be_zero_without_one(): void
    {
        foreach ([[300, 300], [0, 0], [0, null], [0, '']] as [$dedupeFor, $tolerance]) {
            $this->configure('dedupe_for', $dedupeFor);
            $this->configure('tolerance', $tolerance);

            $this->freezeSecond();
            $this->webhook()->channelOccupied('room')->post()->assertNoContent();
        }
    }

    public function test_a_misspelt_key_is_refused_by_name(): void
    {
        $this->configure('tolerence', 300);

        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage('resonate-webhooks-receiving.tolerence: unknown key');

        $this->app->make(Verifier::class);
    }

    public function test_every_key_of_the_config_file_is_known(): void
    {
        new ReceivingConfig(require dirname(__DIR__, 3).'/php/config/resonate-webhooks-receiving.php');

        $this->expectNotToPerformAssertions();
    }

    public function test_an_invalid_config_makes_the_sender_retry(): void
    {
        $this->configure('tolerance', '5m');

        $response = $this->app->make(Kernel::class)->handle(Request::create('/webhooks', 'POST'));

        $this->assertSame(500, $response->getStatusCode());
    }
}
