<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Testing\TestResponse;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\Rejection;
use Webpatser\ResonateWebhooks\Receiving\Signature;
use Webpatser\ResonateWebhooks\Receiving\Verifier;

/**
 * Webhooks without the headers of Standard Webhooks. Their sender does not support these headers, or an attacker replays a
 * webhook without them.
 */
final class PusherOnlyTest extends ReceivingTestCase
{
    public function test_a_replay_without_id_and_timestamp_is_refused(): void
    {
        $webhook = $this->webhook()->channelOccupied('room');

        $webhook->post()->assertNoContent();
        $this->received = [];

        $this->assertRefused(Rejection::NoStandardSignature, $webhook->withPusherHeadersOnly()->post());
    }

    public function test_a_replay_with_a_missing_or_empty_part_of_them_is_refused(): void
    {
        $body = '{"time_ms":1700000000000,"events":[]}';
        $pusher = ['X-Pusher-Key' => 'key-1', 'X-Pusher-Signature' => Signature::pusher($body, 'secret-1')];

        foreach ([['webhook-id' => 'msg_1'], ['webhook-timestamp' => '1700000000'], ['webhook-id' => 'msg_1', 'webhook-timestamp' => '1700000000']] as $rest) {
            $this->assertRefused(Rejection::NoStandardSignature, $this->postBody($body, $pusher + $rest));
        }

        $this->assertRefused(Rejection::WrongStandardSignature, $this->postBody($body, $pusher + ['webhook-signature' => '']));
    }

    public function test_secrets_of_the_config_and_of_a_custom_provider_require_id_and_timestamp(): void
    {
        $this->configure('secrets', ['key-7' => 'secret-7']);
        $this->assertRefused(Rejection::NoStandardSignature, $this->fromPusher('key-7', 'secret-7'));

        $this->app->bind(SecretProvider::class, fn () => new class implements SecretProvider
        {
            public function secretsFor(string $key): array
            {
                return ['of-everybody'];
            }
        });
        $this->assertRefused(Rejection::NoStandardSignature, $this->fromPusher('key-8', 'of-everybody'));
    }

    /**
     * @param  string|list<string|int|null>  $written
     * @param  list<string>  $accepted
     */
    #[DataProvider('lists')]
    public function test_the_config_names_applications_whose_senders_have_no_other_signature(string|array|null $written, array $accepted): void
    {
        config(['reverb.apps.apps' => [TestApplication::app('1'), TestApplication::app('2'), ['app_id' => '3', 'key' => '12345', 'secret' => 'secret-3']]]);
        $this->configure('pusher_only', $written);

        foreach (['key-1' => 'secret-1', 'key-2' => 'secret-2', '12345' => 'secret-3'] as $key => $secret) {
            $response = $this->fromPusher((string) $key, $secret);

            in_array((string) $key, $accepted, true) ? $response->assertNoContent() : $response->assertUnauthorized();
        }

        $this->assertSame(array_fill(0, 3 - count($accepted), Rejection::NoStandardSignature), $this->rejected);
    }

    /**
     * @return iterable<string, array{string|list<string|int|null>|null, list<string>}>
     */
    public static function lists(): iterable
    {
        yield 'none' => [[], []];
        yield 'null' => [null, []];
        yield 'empty' => ['', []];
        yield 'one' => ['key-2', ['key-2']];
        yield 'a list' => [['key-1', 'key-2'], ['key-1', 'key-2']];
        yield 'text with commas, as in the environment' => ['key-1, 12345', ['key-1', '12345']];
        yield 'a number' => [[12345], ['12345']];
        yield 'by ID' => [['2'], ['key-2']];
        yield 'an unset variable' => [[null, ''], []];
        yield 'all' => ['*', ['key-1', 'key-2', '12345']];
    }

    #[DataProvider('mistakes')]
    public function test_an_invalid_list_of_names_is_refused_by_its_key(mixed $written): void
    {
        $this->configure('pusher_only', $written);

        $this->expectException(InvalidConfig::class);
        $this->expectExceptionMessage('resonate-webhooks-receiving.pusher_only: '.json_encode($written));

        $this->app->make(Verifier::class);
    }

    /**
     * @return iterable<string, array{mixed}>
     */
    public static function mistakes(): iterable
    {
        yield 'true' => [true];
        yield 'false' => [false];
        yield 'a number' => [12345];
        yield 'lists in a list' => [[['key-1']]];
    }

    public function test_a_webhook_signature_still_decides_for_named_applications(): void
    {
        $this->configure('pusher_only', '*');
        $this->configure('tolerance', 300);

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();
        $this->webhook()->channelOccupied('room')->at(now()->subHour())->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('key-1', 'guessed')->post()->assertUnauthorized();
        $this->fromPusher('key-1', 'secret-1')->assertNoContent();

        $this->assertSame([Rejection::Stale, Rejection::WrongStandardSignature], $this->rejected);
    }

    public function test_the_log_has_the_fix_for_a_genuine_pusher_webhook_and_nothing_about_forgeries(): void
    {
        $this->fromPusher('key-1', 'secret-1')->assertUnauthorized();
        $this->fromPusher('key-1', 'guessed')->assertUnauthorized();

        $this->assertCount(1, $this->application->log());
        $this->assertMatchesRegularExpression('/^WARNING: Resonate webhooks: .*add key-1 to resonate-webhooks-receiving\.pusher_only/', $this->application->log()[0]);
    }

    private function fromPusher(string $key, string $secret): TestResponse
    {
        return $this->webhook()->channelOccupied('room')->from($key, $secret)->withPusherHeadersOnly()->post();
    }
}
