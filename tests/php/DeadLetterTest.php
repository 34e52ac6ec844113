<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Exceptions\InvalidConfig;
use Webpatser\ResonateWebhooks\Exceptions\RedisFailed;
use Webpatser\ResonateWebhooks\Native\DeadLetters;

final class DeadLetterTest extends PluginTestCase
{
    public function test_a_letter_can_be_read_in_another_process_and_sent_again(): void
    {
        $endpoint = $this->endpoint('/flaky/1');
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$endpoint]]);
        $letters = new DeadLetters($this->config());

        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => $letters->count() === 1, 'the letter');

        [$letter] = $letters->list();
        $sent = Receiver::shared()->requests($this->path('/flaky/1'))[0];
        $this->assertSame(
            ['letter', 'id', 'endpoint', 'url', 'app_id', 'events', 'attempts', 'reason', 'time_ms', 'dropped_ms', 'body'],
            array_keys($letter),
        );
        $this->assertSame(
            [$sent['headers']['webhook-id'], $endpoint['url'], '1', 1, 1, 'HTTP 500', $sent['body']],
            [$letter['id'], $letter['url'], $letter['app_id'], $letter['events'], $letter['attempts'], $letter['reason'], $letter['body']],
        );
        $this->assertGreaterThanOrEqual($letter['time_ms'], $letter['dropped_ms']);
        $this->assertSame($letter, $letters->find($letter['letter']));

        $this->assertSame(1, $letters->retry([$letter['letter']]));
        Wait::until(fn () => $letters->count() === 0, 'the delivery');
        $again = Receiver::shared()->requests($this->path('/flaky/1'))[1];
        $this->assertSame([$sent['body'], $letter['id']], [$again['body'], $again['headers']['webhook-id']]);
        $node->stop();
    }

    public function test_letters_can_be_forgotten_one_by_one_and_altogether(): void
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/status/500')]]);
        $letters = new DeadLetters($this->config());
        $node->connect('ann');

        foreach (['one', 'two', 'three'] as $n => $channel) {
            $node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $letters->count() === $n + 1, 'the letter');
        }

        $this->assertSame([2, 0], [
            $letters->retry(array_column($letters->list(2), 'letter')), $letters->retry(['nonsense', '1-1']),
        ]);
        Wait::until(fn () => max(array_column($letters->list(), 'attempts')) === 2, 'the letters to come back');
        $this->assertSame(1, $letters->forget([$letters->list(1)[0]['letter'], 'nonsense']));
        $this->assertSame([], $letters->list(before: 'nonsense'));
        $this->assertNull($letters->find('nonsense'));
        $this->assertSame(0, $letters->flush(olderThan: 3600));
        $this->assertSame(2, $letters->flush());
        $this->assertSame([], $letters->list());
        $node->stop();
    }

    public function test_an_error_names_what_is_wrong(): void
    {
        $letters = new DeadLetters(['connection' => ['host' => '/nowhere/redis.sock']]);

        foreach ([fn () => $letters->count(), fn () => $letters->list(), fn () => $letters->retryAll()] as $call) {
            try {
                $call();
                $this->fail('no exception');
            } catch (RedisFailed $e) {
                $this->assertStringStartsWith('Redis at /nowhere/redis.sock: unreachable', $e->getMessage());
            }
        }

        $this->expectException(InvalidConfig::class);
        new DeadLetters(['ttl' => 'never']);
    }
}
