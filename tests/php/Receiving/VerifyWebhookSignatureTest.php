<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Date;
use Illuminate\Support\Facades\Route;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\SignatureTest;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\Middleware\VerifyWebhookSignature;
use Webpatser\ResonateWebhooks\Receiving\Rejection;
use Webpatser\ResonateWebhooks\Receiving\Signature;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

final class VerifyWebhookSignatureTest extends ReceivingTestCase
{
    private const string BODY = '{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"room"}]}';

    /**
     * @param  array<string, string>  $vector
     */
    #[DataProvider('vectors')]
    public function test_what_openssl_has_signed_is_genuine(array $vector): void
    {
        $this->configure('secrets', ['vector' => $vector['secret']]);
        Route::post('/bytes', fn () => ['id' => Webhook::of(request())->id])->middleware(VerifyWebhookSignature::class);

        $pusher = ['X-Pusher-Key' => 'vector', 'X-Pusher-Signature' => $vector['pusher']];
        $standard = [
            'webhook-id' => $vector['id'], 'webhook-timestamp' => $vector['timestamp'],
            'webhook-signature' => $vector['standard_webhooks'],
        ];
        $post = fn (array $headers) => $this->call(
            'POST', '/bytes', server: $this->transformHeadersToServerVars($headers), content: $vector['body'],
        );

        $post($pusher)->assertExactJson(['id' => null]);
        $post([...$pusher, ...$standard])->assertExactJson(['id' => $vector['id']]);

        // The one that covers id and time decides: it is not made good by the other, and the other may be of a secret
        // that is not known here.
        $post([...$pusher, ...$standard, 'webhook-id' => 'msg_another'])->assertUnauthorized();
        $post([...$pusher, ...$standard, 'X-Pusher-Signature' => strtoupper($vector['pusher'])])->assertExactJson(['id' => $vector['id']]);
        $post($standard + ['X-Pusher-Key' => 'vector'])->assertExactJson(['id' => $vector['id']]);
    }

    /**
     * @return iterable<string, array{0: array<string, string>}>
     */
    public static function vectors(): iterable
    {
        return SignatureTest::vectors();
    }

    /**
     * @param  array<string, string|list<string>>  $headers
     */
    #[DataProvider('forgeries')]
    public function test_a_forgery_is_refused_without_a_word(array $headers, string $body, Rejection $reason): void
    {
        $this->assertRefused($reason, $this->postBody($body, $headers));
    }

    /**
     * @return iterable<string, array{0: array<string, string|list<string>>, 1: string, 2: Rejection}>
     */
    public static function forgeries(): iterable
    {
        $signature = Signature::pusher(self::BODY, 'secret-1');
        $right = ['X-Pusher-Key' => 'key-1', 'X-Pusher-Signature' => $signature];
        $standard = [
            ...$right, 'webhook-id' => 'msg_1', 'webhook-timestamp' => '1700000000',
            'webhook-signature' => Signature::standardWebhooks('msg_1', '1700000000', self::BODY, 'secret-1'),
        ];

        yield 'no header at all' => [[], self::BODY, Rejection::UnknownKey];
        yield 'no body, no header' => [[], '', Rejection::UnknownKey];
        yield 'no key' => [['X-Pusher-Key' => ''] + $right, self::BODY, Rejection::UnknownKey];
        yield 'a key of nobody' => [['X-Pusher-Key' => 'key-2'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'a key in other letters' => [['X-Pusher-Key' => 'KEY-1'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'two keys' => [['X-Pusher-Key' => ['key-1', 'key-2']] + $right, self::BODY, Rejection::UnknownKey];
        yield 'two keys that PHP has joined' => [['X-Pusher-Key' => 'key-1, key-2'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'no signature' => [['X-Pusher-Key' => 'key-1'], self::BODY, Rejection::WrongPusherSignature];
        yield 'two signatures' => [['X-Pusher-Signature' => [$signature, 'x']] + $right, self::BODY, Rejection::WrongPusherSignature];
        yield 'half a signature' => [['X-Pusher-Signature' => substr($signature, 0, 32)] + $right, self::BODY, Rejection::WrongPusherSignature];
        yield 'an empty body' => [$right, '', Rejection::WrongPusherSignature];
        yield 'another body' => [$right, strtr(self::BODY, ['room' => 'boom']), Rejection::WrongPusherSignature];
        yield 'a body in other white space' => [$right, self::BODY."\n", Rejection::WrongPusherSignature];
        yield 'an empty secret' => [['X-Pusher-Signature' => Signature::pusher(self::BODY, '')] + $right, self::BODY, Rejection::WrongPusherSignature];
        yield 'another id' => [['webhook-id' => 'msg_2'] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'an empty id, signed' => [
            ['webhook-id' => '', 'webhook-signature' => Signature::standardWebhooks('', '1700000000', self::BODY, 'secret-1')] + $standard,
            self::BODY, Rejection::WrongStandardSignature,
        ];
        yield 'no id' => [array_diff_key($standard, ['webhook-id' => '']), self::BODY, Rejection::WrongStandardSignature];
        yield 'two ids' => [['webhook-id' => ['msg_1', 'msg_2']] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'another time' => [['webhook-timestamp' => '1700000001'] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'a time in words' => [['webhook-timestamp' => 'now'] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'another version' => [['webhook-signature' => 'v2'.substr($standard['webhook-signature'], 2)] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'an empty list of signatures' => [['webhook-signature' => ''] + $standard, self::BODY, Rejection::WrongStandardSignature];
        yield 'an id moved into the body' => [
            ['webhook-id' => 'msg_1.1700000000.{', 'webhook-timestamp' => '1'] + $standard, self::BODY, Rejection::WrongStandardSignature,
        ];
    }

    public function test_each_application_has_its_own_secret(): void
    {
        config(['reverb.apps.apps' => [TestApplication::app('1'), TestApplication::app('2')]]);

        $this->postSigned(self::BODY, 'secret-1', 'key-1')->assertNoContent();
        $this->postSigned(self::BODY, 'secret-2', 'key-2')->assertNoContent();
        $this->postSigned(self::BODY, 'secret-1', 'key-2')->assertUnauthorized();

        $this->assertSame(['key-1', 'key-2'], array_column($this->events(), 'appKey'));
    }

    public function test_secrets_of_the_receiver_replace_those_of_the_server(): void
    {
        $this->configure('secrets', ['12345' => 'of-pusher']);

        $this->postSigned(self::BODY, 'of-pusher', '12345')->assertNoContent();
        $this->postSigned(self::BODY)->assertUnauthorized();
    }

    public function test_while_a_secret_is_changed_both_are_good(): void
    {
        $this->configure('secrets', ['key-1' => ['new', 'old']]);

        foreach (['new', 'old'] as $secret) {
            $this->postSigned(self::BODY, $secret)->assertNoContent();
            $this->webhook()->channelOccupied('room')->from('key-1', $secret)->post()->assertNoContent();
        }

        $this->postSigned(self::BODY, 'older')->assertUnauthorized();
    }

    public function test_any_signature_by_any_secret_is_good(): void
    {
        $this->configure('secrets', ['key-1' => ['of-endpoint', 'whsec_'.base64_encode("\0bytes")]]);

        $signed = fn (string ...$keys) => $this->postBody(self::BODY, [
            'X-Pusher-Key' => 'key-1', 'X-Pusher-Signature' => Signature::pusher(self::BODY, 'of-app'),
            'webhook-id' => 'msg_'.implode($keys), 'webhook-timestamp' => '1700000000',
            'webhook-signature' => implode(' ', array_map(
                fn (string $key) => Signature::standardWebhooks('msg_'.implode($keys), '1700000000', self::BODY, $key), $keys,
            )),
        ]);

        $signed('new', 'of-endpoint')->assertNoContent();
        $signed('new', 'newer', "\0bytes")->assertNoContent();
        $signed('whsec_'.base64_encode("\0bytes"))->assertNoContent();
        $this->assertCount(3, $this->events());

        $this->received = [];
        $this->assertRefused(Rejection::WrongStandardSignature, $signed('new', 'newer'));
        $this->assertRefused(Rejection::WrongStandardSignature, $signed(base64_encode("\0bytes")));
    }

    public function test_a_receiver_beside_its_server_knows_what_secrets_applications_had_before(): void
    {
        config([
            'reverb.apps.apps' => [TestApplication::app('1'), TestApplication::app('2')],
            'resonate-webhooks.previous_secrets' => [
                '1' => ['before', null, ['secret' => 'over', 'until' => time() - 1], ['secret' => 'lasting', 'until' => Date::now()->addHour()->toIso8601String()]],
                '2' => 'before-2',
            ],
        ]);

        foreach (['secret-1', 'before', 'lasting'] as $secret) {
            $this->postSigned(self::BODY, $secret)->assertNoContent();
        }

        $this->postSigned(self::BODY, 'before-2', 'key-2')->assertNoContent();
        $this->postSigned(self::BODY, 'before', 'key-2')->assertUnauthorized();
        $this->postSigned(self::BODY, 'over')->assertUnauthorized();
    }

    /**
     * @param  array<string, mixed>  $secrets
     */
    #[DataProvider('missing')]
    public function test_a_secret_that_is_not_set_verifies_nothing(array $secrets): void
    {
        $this->configure('secrets', $secrets);

        $this->assertRefused(Rejection::UnknownKey, $this->postSigned(self::BODY, ''));
    }

    /**
     * @return iterable<string, array{0: array<string, mixed>}>
     */
    public static function missing(): iterable
    {
        yield 'null' => [['key-1' => null, 'key-2' => 'secret-2']];
        yield 'empty' => [['key-1' => '', 'key-2' => 'secret-2']];
        yield 'a list of nothing' => [['key-1' => [null, ''], 'key-2' => 'secret-2']];
    }

    public function test_secrets_may_come_from_anywhere(): void
    {
        $this->app->bind(SecretProvider::class, fn () => new class implements SecretProvider
        {
            public function secretsFor(string $key): array
            {
                return $key === 'tenant-7' ? ['of-tenant-7'] : [];
            }
        });

        $this->webhook()->channelOccupied('room')->from('tenant-7')->post()->assertNoContent();
        $this->assertRefused(Rejection::UnknownKey, tap(
            $this->webhook()->channelOccupied('room')->from('key-1', 'secret-1')->post(),
            fn () => $this->received = [],
        ));
    }

    public function test_a_tolerance_refuses_what_is_too_far_from_now_and_what_has_no_time(): void
    {
        $this->configure('tolerance', '300');
        $webhook = $this->webhook()->channelOccupied('room');

        foreach ([0, -300, 300] as $seconds) {
            $webhook->withId("msg_{$seconds}")->at(Date::now()->addSeconds($seconds))->post()->assertNoContent();
        }

        $this->received = [];

        foreach ([-301, 301] as $seconds) {
            Date::setTestNow(Date::now());
            $this->assertRefused(Rejection::Stale, $webhook->withId("msg_{$seconds}")->at(Date::now()->addSeconds($seconds))->post());
        }

        $this->assertRefused(Rejection::Untimed, $this->postSigned(self::BODY));
        $this->assertRefused(Rejection::WrongStandardSignature, $webhook->from('key-1', 'guessed')->at(Date::now()->subHour())->post());
    }

    public function test_a_genuine_webhook_that_comes_too_late_is_not_lost_in_silence(): void
    {
        $this->configure('tolerance', 300);

        $this->webhook()->channelOccupied('room')->withId('msg_late')->at(Date::now()->subHour())->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('key-1', 'guessed')->at(Date::now()->subHour())->post()->assertUnauthorized();

        $this->assertCount(1, preg_grep('/^WARNING: Resonate webhooks: a webhook of key-1 is refused as too old.*msg_late/', $this->application->log()));
        $this->assertCount(1, $this->application->log());
    }

    public function test_without_a_tolerance_any_time_is_good(): void
    {
        $this->webhook()->channelOccupied('room')->at(Date::createFromTimestamp(1))->post()->assertNoContent();
        $this->webhook()->channelOccupied('room')->at(Date::now()->addYears(50))->post()->assertNoContent();
    }

    public function test_a_body_that_is_too_long_is_not_read(): void
    {
        $this->configure('max_bytes', strlen(self::BODY));

        $this->postSigned(self::BODY)->assertNoContent();
        $this->postSigned(self::BODY.' ')->assertStatus(413);
        $this->postBody(self::BODY, [
            'X-Pusher-Key' => 'key-1', 'X-Pusher-Signature' => Signature::pusher(self::BODY, 'secret-1'),
            'Content-Length' => '999999999999',
        ])->assertStatus(413);

        $this->assertSame([Rejection::TooLarge, Rejection::TooLarge], $this->rejected);
    }

    public function test_what_a_middleware_makes_of_the_input_does_not_matter(): void
    {
        $body = '{"time_ms":1700000000000,"events":[{"name":"client_event","channel":" room ","event":"client-a","data":""}]}';

        $this->postSigned($body)->assertNoContent();

        $this->assertSame([' room ', ''], [$this->events()[0]->channel, $this->events()[0]->data]);
    }
}
