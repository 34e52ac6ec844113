<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\Docs;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Tests\Support\Wait;

/**
 * A receiver in PHP can verify the signatures with hash_hmac().
 */
final class SignatureTest extends PluginTestCase
{
    private const array SECRETS = ['key-1' => 'secret-1', 'key-2' => 'secret-2'];

    public static function setUpBeforeClass(): void
    {
        if (! function_exists('webhook_events')) {
            eval(Docs::code('docs/receiving.md', 'php by_hand.php'));
        }
    }

    /**
     * @param  array<string, string>  $vector
     */
    #[DataProvider('vectors')]
    public function test_hash_hmac_makes_the_signatures_of_openssl(array $vector): void
    {
        ['body' => $body, 'secret' => $secret, 'id' => $id, 'timestamp' => $timestamp] = $vector;

        $this->assertSame($vector['pusher'], hash_hmac('sha256', $body, $secret));
        $this->assertSame(
            $vector['standard_webhooks'],
            'v1,'.base64_encode(hash_hmac('sha256', "{$id}.{$timestamp}.{$body}", $secret, binary: true)),
        );
    }

    /**
     * @param  array<string, string>  $vector
     */
    #[DataProvider('vectorsWithEvents')]
    public function test_the_function_in_the_docs_accepts_signatures_of_openssl(array $vector): void
    {
        $webhook = ['body' => $vector['body'], 'headers' => [
            'x-pusher-key' => 'key-1',
            'webhook-id' => $vector['id'],
            'webhook-timestamp' => $vector['timestamp'],
            'webhook-signature' => $vector['standard_webhooks'],
        ]];

        $events = self::read($webhook, ['key-1' => $vector['secret']], PHP_INT_MAX);

        $this->assertSame(json_decode($vector['body'], true)['events'], $events);
        $this->assertNull(self::read($webhook, ['key-1' => $vector['secret']]), 'the timestamp is years old');
        $this->assertNull(self::read($webhook, ['key-1' => "{$vector['secret']}x"], PHP_INT_MAX));
    }

    public function test_client_events_of_two_applications_arrive_unchanged_with_valid_signatures(): void
    {
        $server = $this->serve(apps: [TestApplication::app('1'), TestApplication::app('2')]);
        $expected = [];

        foreach (array_keys(self::SECRETS) as $key) {
            foreach (self::texts() as $text) {
                $client = $server->connect($key);
                $client->join("presence-{$text}", $text)->whisper("presence-{$text}", "client-{$text}", ['text' => $text]);
                $expected[] = [$key, "presence-{$text}", $text, "client-{$text}", ['text' => $text]];
            }
        }

        Wait::until(
            fn () => count(preg_grep('/^client_event /', $this->events()) ?: []) === count($expected),
            'the whispers of both applications',
        );

        $this->assertEqualsCanonicalizing($expected, $this->clientEvents());
    }

    public function test_a_webhook_with_a_changed_byte_or_another_secret_is_refused(): void
    {
        $this->serve()->connect()->join('presence-room', 7);
        $this->awaitEvent('member_added presence-room 7');
        [$webhook] = Receiver::shared()->requests($this->path());

        $this->assertNotNull(self::read($webhook, self::SECRETS));
        $this->assertNull(self::read($webhook, ['key-1' => 'secret-2', 'key-2' => 'secret-1']));
        $this->assertNull(self::read($webhook, []));

        foreach (array_keys(str_split($webhook['body'])) as $at) {
            $changed = $webhook['body'];
            $changed[$at] = $changed[$at] ^ "\1";

            $this->assertNull(self::read(['body' => $changed] + $webhook, self::SECRETS), "byte {$at}");
        }
    }

    public function test_a_resend_has_the_same_id_and_body_and_a_valid_signature(): void
    {
        $this->serve(['endpoints' => [$this->endpoint('/flaky/1')]])->connect()->join('presence-a/ü', 7);
        $this->awaitEvent('member_added presence-a/ü 7', '/flaky/1');
        [$first, $again] = Receiver::shared()->requests($this->path('/flaky/1'));

        $this->assertSame([500, 200], [$first['status'], $again['status']]);
        $this->assertSame([$first['headers']['webhook-id'], $first['body']], [$again['headers']['webhook-id'], $again['body']]);
        $this->assertGreaterThan((int) $first['headers']['webhook-timestamp'], (int) $again['headers']['webhook-timestamp']);
        $this->assertNotNull(self::read($first, self::SECRETS));
        $this->assertNotNull(self::read($again, self::SECRETS));
    }

    /**
     * @return iterable<string, array{0: array<string, string>}>
     */
    public static function vectors(): iterable
    {
        foreach (json_decode(Docs::text('tests/vectors/signature.json'), true, flags: JSON_THROW_ON_ERROR) as $vector) {
            yield $vector['about'] => [$vector];
        }
    }

    /**
     * @return iterable<string, array{0: array<string, string>}>
     */
    public static function vectorsWithEvents(): iterable
    {
        foreach (self::vectors() as $about => [$vector]) {
            if ($vector['body'] !== '') {
                yield $about => [$vector];
            }
        }
    }

    /**
     * Texts that clients send in every field that takes one.
     *
     * @return list<string>
     */
    private static function texts(): array
    {
        return [
            '7',
            '007',
            'straße/東京/🦀',
            '"quoted" \'too\' \\ \" \u0041 \/',
            "\0\1\x08\t\n\x0b\x0c\r\x1b\x1f\x7f",
            "\u{feff}\u{2028}\u{2029}\u{fffd}\u{10ffff}",
            ']}],"events":[]}',
            '</script><!-- & %00 {0} ${x}',
            str_repeat('🦀/"\\', 1_500),
        ];
    }

    /**
     * Get the client events of verified webhooks: key, channel, user, event, data.
     *
     * @return list<array{0: string, 1: string, 2: string, 3: string, 4: mixed}>
     */
    private function clientEvents(): array
    {
        $clientEvents = [];

        foreach (Receiver::shared()->requests($this->path()) as $webhook) {
            $events = self::read($webhook, self::SECRETS);
            $this->assertNotNull($events);

            foreach ($events as $event) {
                if ($event['name'] === 'client_event') {
                    $data = json_decode($event['data'], true, flags: JSON_THROW_ON_ERROR);
                    $clientEvents[] = [$webhook['headers']['x-pusher-key'], $event['channel'], $event['user_id'], $event['event'], $data];
                }
            }
        }

        return $clientEvents;
    }

    /**
     * Verify a webhook with the function in the docs; null if it is not genuine.
     *
     * @param  array{headers: array<string, string>, body: string}  $webhook
     * @param  array<string, string>  $secrets
     * @return list<array<string, string>>|null
     */
    private static function read(array $webhook, array $secrets, int $tolerance = 3600): ?array
    {
        return webhook_events($webhook['headers'], $webhook['body'], $secrets, $tolerance);
    }
}
