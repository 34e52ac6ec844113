<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Date;
use Illuminate\Support\Facades\Route;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\SignatureTest;
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
    public function test_a_signature_of_openssl_is_valid(array $vector): void
    {
        $this->configure('secrets', ['vector' => $vector['secret']]);
        $this->configure('pusher_only', ['vector']);
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

        // The signature that covers ID and time decides. A valid Pusher signature does not replace it, and an invalid one, made
        // with an unknown secret, does not matter.
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
    public function test_a_forgery_is_refused_without_a_reason(array $headers, string $body, Rejection $reason): void
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
        yield 'an unknown key' => [['X-Pusher-Key' => 'key-2'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'a key in a different case' => [['X-Pusher-Key' => 'KEY-1'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'two keys' => [['X-Pusher-Key' => ['key-1', 'key-2']] + $right, self::BODY, Rejection::UnknownKey];
        yield 'two keys that PHP has joined' => [['X-Pusher-Key' => 'key-1, key-2'] + $right, self::BODY, Rejection::UnknownKey];
        yield 'no signature' => [['X-Pusher-Key' => 'key-1'], self::BODY, Rejection::WrongPusherSignature];
        yield 'two signatures' => [['X-Pusher-Signature' => [$signature, 'x']] + $right, self::BODY, Rejection::WrongPusherSignature];
        yield 'half of a signature' => [['X-Pusher-Signature' => substr($signature, 0, 32)] + $right, self::BODY, Rejection::WrongPusherSignature];
        yield 'an empty body' => [$right, '', Rejection::WrongPusherSignature];
        yield 'another body' => [$right, strtr(self::BODY, ['room' => 'boom']), Rejection::WrongPusherSignature];
        yield 'a body with different white space' => [$right, self::BODY."\n", Rejection::WrongPusherSignature];
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

    /**
     * @param  string|list<string>  $header
     */
    #[DataProvider('splits')]
    public function test_signatures_that_a_gateway_has_split_are_valid(string|array $header, bool $genuine): void
    {
        $right = substr(Signature::standardWebhooks('msg_1', '1700000000', self::BODY, 'secret-1'), 3);
        $other = substr(Signature::standardWebhooks('msg_1', '1700000000', self::BODY, 'another'), 3);

        $this->postBody(self::BODY, [
            'X-Pusher-Key' => 'key-1', 'webhook-id' => 'msg_1', 'webhook-timestamp' => '1700000000',
            'webhook-signature' => str_replace(['RIGHT', 'OTHER'], [$right, $other], $header),
        ])->assertStatus($genuine ? 204 : 401);
    }

    /**
     * @return iterable<string, array{string|list<string>, bool}>
     */
    public static function splits(): iterable
    {
        yield 'as it was sent' => ['v1,OTHER v1,RIGHT', true];
        yield 'a space after each comma' => ['v1, RIGHT', true];
        yield 'several with a space after each comma' => ['v1, OTHER v1, RIGHT', true];
        yield 'several joined with commas' => ['v1,OTHER,v1,RIGHT,v1,OTHER', true];
        yield 'several joined with commas and spaces' => ['v1,OTHER, v1,RIGHT', true];
        yield 'tabs and too many spaces' => ["  v1,OTHER \t  v1,\tRIGHT ", true];
        yield 'one line for each' => [['v1,OTHER', 'v1,RIGHT'], true];
        yield 'one line for each, in reverse order' => [['v1,RIGHT', 'v1,OTHER'], true];
        yield 'lines with several' => [['v1,OTHER v1,OTHER', 'v1,OTHER, v1,RIGHT'], true];
        yield 'split at the comma into two lines' => [['v1', 'RIGHT'], true];
        yield 'split at each comma into four lines' => [['v1', 'OTHER', 'v1', 'RIGHT'], true];
        yield 'with a future version' => ['v1a,OTHER v1,RIGHT v2,OTHER', true];
        yield 'an empty line first' => [['', 'v1,RIGHT'], true];
        yield 'another signature' => [['v1,OTHER', 'v1,OTHER'], false];
        yield 'another version' => ['v2,RIGHT', false];
        yield 'another version in lines' => [['v2', 'RIGHT', 'v1', 'OTHER'], false];
        yield 'a version with the same ending' => ['xv1,RIGHT', false];
        yield 'no version' => ['RIGHT', false];
        yield 'half of a signature' => ['v1,RI v1,GHT', false];
        yield 'nothing' => [['v1', ''], false];
    }

    public function test_any_signature_by_any_secret_is_valid(): void
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

    public function test_a_timestamp_outside_of_the_tolerance_is_refused(): void
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

        $this->assertRefused(Rejection::WrongStandardSignature, $webhook->from('key-1', 'guessed')->at(Date::now()->subHour())->post());
    }

    public function test_a_genuine_webhook_that_is_too_late_is_logged(): void
    {
        $this->configure('tolerance', 300);

        $this->webhook()->channelOccupied('room')->withId('msg_late')->at(Date::now()->subHour())->post()->assertUnauthorized();
        $this->webhook()->channelOccupied('room')->from('key-1', 'guessed')->at(Date::now()->subHour())->post()->assertUnauthorized();

        $this->assertCount(1, preg_grep('/^WARNING: Resonate webhooks: refused a genuine webhook of key-1: webhook-timestamp .*\.tolerance.*msg_late/', $this->application->log()));
        $this->assertCount(1, $this->application->log());
    }

    public function test_without_a_tolerance_any_timestamp_is_valid(): void
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

    public function test_changes_of_a_middleware_to_the_input_have_no_effect(): void
    {
        $body = '{"time_ms":1700000000000,"events":[{"name":"client_event","channel":" room ","event":"client-a","data":""}]}';

        $this->postSigned($body)->assertNoContent();

        $this->assertSame([' room ', ''], [$this->events()[0]->channel, $this->events()[0]->data]);
    }
}
