<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;
use Tests\Support\RedisServer;
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
            ['letter', 'id', 'endpoint', 'url', 'app_id', 'events', 'attempts', 'reason', 'time_ms', 'dropped_ms', 'bytes'],
            array_keys($letter),
        );
        $this->assertSame(
            [$sent['headers']['webhook-id'], $endpoint['url'], '1', 1, 1, 'HTTP 500', $sent['body']],
            [$letter['id'], $letter['url'], $letter['app_id'], $letter['events'], $letter['attempts'], $letter['reason'], $letters->find($letter['letter'])['body']],
        );
        $this->assertGreaterThanOrEqual($letter['time_ms'], $letter['dropped_ms']);
        $this->assertSame($letter + ['body' => $sent['body']], $letters->find($letter['letter']));
        $this->assertGreaterThan(strlen($sent['body']), $letter['bytes']);

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

    public function test_a_list_of_long_letters_takes_little_memory(): void
    {
        $prefix = $this->config()['key_prefix'];
        $body = str_repeat('x', 262144);

        foreach (range(1, 400) as $number) {
            $letter = (time() * 1000)."-{$number}";
            RedisServer::shared()->command('XADD', "{$prefix}:dead", $letter, 'id', 'msg', 'endpoint', 'billing', 'app_id', '1', 'bytes', '262200');
            RedisServer::shared()->command('HSET', "{$prefix}:dead_bodies", $letter, $body);
        }

        $letters = new DeadLetters($this->config());
        memory_reset_peak_usage();
        $before = memory_get_usage();
        $list = $letters->list(400);
        $this->assertCount(400, $list);
        $this->assertSame(262200, $list[0]['bytes']);
        $this->assertLessThan(8 << 20, memory_get_peak_usage() - $before, 'and the bodies are 100 MiB');
        $this->assertSame($body, $letters->find($list[0]['letter'])['body']);
        $this->assertSame(400, $letters->flush());
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
