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
    public function test_a_dead_letter_can_be_read_and_retried_in_another_process(): void
    {
        $endpoint = $this->endpoint('/flaky/1');
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$endpoint]]);
        $deadLetters = new DeadLetters($this->config());

        $node->connect('ann');
        $node->command('ann', 'subscribe', 'private-room');
        Wait::until(fn () => $deadLetters->count() === 1, 'the dead letter');

        [$deadLetter] = $deadLetters->list();
        $sent = Receiver::shared()->requests($this->path('/flaky/1'))[0];
        $this->assertSame(
            ['id', 'webhook_id', 'endpoint', 'url', 'app_id', 'events', 'attempts', 'reason', 'answer', 'time_ms', 'dropped_ms', 'bytes'],
            array_keys($deadLetter),
        );
        $this->assertSame(
            [$sent['headers']['webhook-id'], $endpoint['url'], '1', 1, 1, 'HTTP 500', $sent['body']],
            [$deadLetter['webhook_id'], $deadLetter['url'], $deadLetter['app_id'], $deadLetter['events'], $deadLetter['attempts'], $deadLetter['reason'], $deadLetters->find($deadLetter['id'])['body']],
        );
        $this->assertGreaterThanOrEqual($deadLetter['time_ms'], $deadLetter['dropped_ms']);
        $this->assertSame($deadLetter + ['body' => $sent['body']], $deadLetters->find($deadLetter['id']));
        $this->assertGreaterThan(strlen($sent['body']), $deadLetter['bytes']);

        $this->assertSame(1, $deadLetters->retry([$deadLetter['id']]));
        Wait::until(fn () => $deadLetters->count() === 0, 'the delivery');
        $again = Receiver::shared()->requests($this->path('/flaky/1'))[1];
        $this->assertSame([$sent['body'], $deadLetter['webhook_id']], [$again['body'], $again['headers']['webhook-id']]);
        $node->stop();
    }

    public function test_dead_letters_can_be_forgotten_one_by_one_and_all_at_once(): void
    {
        $node = $this->node(['max_attempts' => 1, 'endpoints' => [$this->endpoint('/status/500')]]);
        $deadLetters = new DeadLetters($this->config());
        $node->connect('ann');

        foreach (['one', 'two', 'three'] as $n => $channel) {
            $node->command('ann', 'subscribe', $channel);
            Wait::until(fn () => $deadLetters->count() === $n + 1, 'the dead letter');
        }

        $this->assertSame([2, 0], [
            $deadLetters->retry(array_column($deadLetters->list(2), 'id')), $deadLetters->retry(['nonsense', '1-1']),
        ]);
        Wait::until(fn () => max(array_column($deadLetters->list(), 'attempts')) === 2, 'the failed retries');
        $this->assertSame(1, $deadLetters->forget([$deadLetters->list(1)[0]['id'], 'nonsense']));
        $this->assertSame([], $deadLetters->list(before: 'nonsense'));
        $this->assertNull($deadLetters->find('nonsense'));
        $this->assertSame(0, $deadLetters->flush(olderThan: 3600));
        $this->assertSame(2, $deadLetters->flush());
        $this->assertSame([], $deadLetters->list());
        $node->stop();
    }

    public function test_a_list_of_long_dead_letters_takes_little_memory(): void
    {
        $prefix = $this->config()['key_prefix'];
        $body = str_repeat('x', 262144);

        foreach (range(1, 400) as $number) {
            $deadLetter = (time() * 1000)."-{$number}";
            RedisServer::shared()->command('XADD', "{$prefix}:dead", $deadLetter, 'id', 'msg', 'endpoint', 'billing', 'app_id', '1', 'bytes', '262200');
            RedisServer::shared()->command('HSET', "{$prefix}:dead_bodies", $deadLetter, $body);
        }

        $deadLetters = new DeadLetters($this->config());
        memory_reset_peak_usage();
        $before = memory_get_usage();
        $list = $deadLetters->list(400);
        $this->assertCount(400, $list);
        $this->assertSame(262200, $list[0]['bytes']);
        $this->assertLessThan(8 << 20, memory_get_peak_usage() - $before, 'while the bodies are 100 MiB');
        $this->assertSame($body, $deadLetters->find($list[0]['id'])['body']);
        $this->assertSame(400, $deadLetters->flush());
    }

    public function test_an_error_names_what_is_wrong(): void
    {
        $deadLetters = new DeadLetters(['connection' => ['host' => '/nowhere/redis.sock']]);

        foreach ([fn () => $deadLetters->count(), fn () => $deadLetters->list(), fn () => $deadLetters->retryAll()] as $call) {
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
