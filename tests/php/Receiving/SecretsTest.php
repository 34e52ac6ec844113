<?php

declare(strict_types=1);

namespace Tests\Receiving;

use Illuminate\Support\Facades\Date;
use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\Docs;
use Tests\Support\TestApplication;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Receiving\ConfigSecrets;
use Webpatser\ResonateWebhooks\Receiving\Contracts\SecretProvider;
use Webpatser\ResonateWebhooks\Receiving\Rejection;

/**
 * The sources of secrets, and the secrets that are accepted.
 */
final class SecretsTest extends ReceivingTestCase
{
    private const string BODY = '{"time_ms":1700000000000,"events":[{"name":"channel_occupied","channel":"room"}]}';

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

    public function test_during_a_rotation_both_secrets_are_valid(): void
    {
        $this->configure('secrets', ['key-1' => ['new', 'old']]);

        foreach (['new', 'old'] as $secret) {
            $this->postSigned(self::BODY, $secret)->assertNoContent();
            $this->webhook()->channelOccupied('room')->from('key-1', $secret)->post()->assertNoContent();
        }

        $this->postSigned(self::BODY, 'older')->assertUnauthorized();
    }

    public function test_a_receiver_in_the_servers_application_uses_its_previous_secrets(): void
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
    public function test_an_unset_secret_verifies_nothing(array $secrets): void
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
        yield 'a list of null' => [['key-1' => [null, ''], 'key-2' => 'secret-2']];
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

    /**
     * @param  string|array<mixed>  $written
     * @param  list<string>  $good
     */
    #[DataProvider('rotations')]
    public function test_secrets_may_have_every_form_of_previous_secrets(string|array $written, array $good): void
    {
        Date::setTestNow('2026-06-30T12:00:00Z');
        $this->configure('secrets', ['key-1' => $written]);

        $this->assertSame(['key-1' => $good], $this->app->make(ConfigSecrets::class)->all());
    }

    /**
     * @return iterable<string, array{string|array<mixed>, list<string>}>
     */
    public static function rotations(): iterable
    {
        yield 'one' => ['new', ['new']];
        yield 'the newest first' => [['new', 'old'], ['new', 'old']];
        yield 'an unset one' => [['new', null, ''], ['new']];
        yield 'one with an end' => [['new', ['secret' => 'old', 'until' => '2026-06-30T14:01:00+02:00']], ['new', 'old']];
        yield 'an expired one' => [['new', ['secret' => 'old', 'until' => '2026-06-30T14:00:00+02:00']], ['new']];
        yield 'Unix seconds' => [['new', ['secret' => 'old', 'until' => 1782820800 + 1]], ['new', 'old']];
        yield 'without an end' => [['new', ['secret' => 'old'], ['secret' => 'older', 'until' => null]], ['new', 'old', 'older']];
        yield 'an entry with an end, without a list' => [['secret' => 'old', 'until' => '2026-12-31'], ['old']];
        yield 'a number' => [[12345], ['12345']];
    }

    public function test_the_end_of_a_previous_secret_is_never_a_secret(): void
    {
        config(['resonate-webhooks.previous_secrets' => ['1' => ['secret' => 'old', 'until' => '2999-12-31']]]);

        $this->assertSame(['key-1' => ['secret-1', 'old']], $this->app->make(ConfigSecrets::class)->all());
    }

    public function test_an_end_that_is_not_a_time_is_refused_by_name(): void
    {
        foreach (['', 'some day'] as $until) {
            $this->configure('secrets', ['key-1' => [['secret' => 'old', 'until' => $until]]]);

            $response = $this->webhook()->channelOccupied('room')->from('key-1', 'old')->post();

            $response->assertServerError();
            $this->assertInstanceOf(InvalidConfig::class, $response->exception);
            $this->assertStringStartsWith("resonate-webhooks-receiving.secrets: the end of a secret, \"{$until}\", is not a time", $response->exception->getMessage());
        }
    }

    #[DataProvider('mistakes')]
    public function test_secrets_without_the_key_of_their_application_are_refused_by_name(mixed $written): void
    {
        $this->configure('secrets', $written);

        $response = $this->webhook()->channelOccupied('room')->from('key-1', 'secret-1')->post();

        $response->assertServerError();
        $this->assertInstanceOf(InvalidConfig::class, $response->exception);
        $this->assertStringStartsWith('resonate-webhooks-receiving.secrets: ', $response->exception->getMessage());
        $this->assertStringNotContainsString('secret-1', $response->exception->getMessage());
    }

    /**
     * @return iterable<string, array{mixed}>
     */
    public static function mistakes(): iterable
    {
        yield 'a text' => ['secret-1'];
        yield 'a list' => [['secret-1', 'secret-2']];
        yield 'a list of one' => [['secret-1']];
        yield 'yes' => [true];
    }

    /**
     * @param  array<mixed>|string|null  $written
     */
    #[DataProvider('nothing')]
    public function test_without_secrets_those_of_the_server_are_valid(array|string|null $written): void
    {
        $this->configure('secrets', $written);

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();
    }

    /**
     * @return iterable<string, array{array<mixed>|string|null}>
     */
    public static function nothing(): iterable
    {
        yield 'an empty list' => [[]];
        yield 'null' => [null];
        yield 'an empty text' => [''];
        yield 'the key of an application that is not set' => [['' => null]];
        yield 'the key of an application that is not set, with a secret' => [['' => 'secret-9']];
    }

    public function test_an_application_without_a_key_is_ignored(): void
    {
        config([
            'reverb.apps.apps' => [['app_id' => null, 'key' => null, 'secret' => 'secret-0'], ['secret' => 'secret-9'], TestApplication::app('1')],
            'resonate-webhooks.previous_secrets' => ['' => 'before'],
        ]);

        $this->webhook()->channelOccupied('room')->post()->assertNoContent();
        $this->webhook()->channelOccupied('room')->from('', 'secret-0')->post()->assertUnauthorized();
        $this->assertSame(['key-1' => ['secret-1']], $this->app->make(ConfigSecrets::class)->all());
    }

    public function test_the_examples_in_the_config_and_the_docs_have_no_null_keys(): void
    {
        preg_match('/^\'secrets\' => \[.*?^\]/ms', Docs::text('docs/receiving.md'), $docs);
        preg_match('/\/\/ (env\(.*),$/m', (string) file_get_contents(dirname(__DIR__, 3).'/php/config/resonate-webhooks-receiving.php'), $file);

        $suggested = eval("return [{$docs[0]}];");

        $this->assertSame('', array_key_first($suggested['secrets']));
        $this->assertSame(['' => null], eval("return [{$file[1]}];"));
    }
}
