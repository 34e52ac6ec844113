<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use ReflectionProperty;
use Tests\Support\FakeClient;
use Tests\Support\RedisServer;
use Tests\Support\Wait;
use Webpatser\Resonate\Protocols\Pusher\Channels\CacheChannel;
use Webpatser\ResonateWebhooks\CacheMissDetector;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Subscriptions to empty cache channels.
 */
#[Group('host')]
final class CacheMissTest extends PluginTestCase
{
    protected const string CHANNEL = 'private-cache-scores';

    protected const string MISS = 'cache_miss '.self::CHANNEL;

    #[DataProvider('channels')]
    public function test_an_empty_cache_channel_makes_one_miss(string $channel, mixed $userId): void
    {
        $server = $this->serve($this->receiving('cache_miss', 'channel_vacated'));
        $clients = array_map(fn () => $server->connect(), range(1, 5));

        foreach ($clients as $client) {
            $userId === null ? $client->subscribe($channel) : $client->join($channel, $userId);
            $this->assertCount(1, $client->received('pusher:cache_miss'));
        }

        array_walk($clients, fn (FakeClient $client) => $client->close());

        $this->assertEvents(["cache_miss {$channel}", "channel_vacated {$channel}"]);
    }

    /**
     * @return iterable<string, array{0: string, 1: mixed}>
     */
    public static function channels(): iterable
    {
        yield 'public' => ['cache-scores', null];
        yield 'private' => ['private-cache-scores', null];
        yield 'presence' => ['presence-cache-scores', 7];
    }

    public function test_channels_without_a_cache_and_channels_with_a_payload_make_no_miss(): void
    {
        $server = $this->serve($this->receiving('cache_miss', 'channel_vacated'));
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-scores')->subscribe(self::CHANNEL)->whisper(self::CHANNEL, 'client-score', ['a' => 1]);
        $bob->subscribe(self::CHANNEL);
        $this->assertSame([], $bob->received('pusher:cache_miss'));
        $bob->close();
        $ann->unsubscribe('private-scores')->close();

        $this->awaitEvent('channel_vacated private-scores');
        $this->awaitEvent('channel_vacated '.self::CHANNEL);
        $this->assertSame([self::MISS, 'channel_vacated '.self::CHANNEL], $this->eventsOf(self::CHANNEL));
        $this->assertSame(['channel_vacated private-scores'], $this->eventsOf('private-scores'));
    }

    public function test_a_channel_that_lost_its_payload_with_its_last_subscriber_makes_another_miss(): void
    {
        $server = $this->serve($this->receiving('cache_miss'));

        $this->missed($server->connect())->whisper(self::CHANNEL, 'client-score', ['a' => 1])->close();
        $this->missed($server->connect());

        $this->assertEvents([self::MISS, self::MISS]);
    }

    public function test_two_nodes_make_one_miss_for_a_channel_and_another_after_it_had_a_payload(): void
    {
        $config = $this->receiving('cache_miss', 'channel_vacated');
        [$here, $there] = [$this->serve($config), $this->node($config)];

        $ann = $this->missed($here->connect());
        $this->awaitEvent(self::MISS);
        $there->connect('bob');
        $there->command('bob', 'subscribe', self::CHANNEL);
        $there->connect('end');
        $there->command('end', 'subscribe', 'end');
        $there->command('end', 'close');
        $this->awaitEvent('channel_vacated end');
        $this->assertSame([self::MISS], $this->eventsOf(self::CHANNEL));

        // The next tick detects the payload, without a subscription.
        $ann->whisper(self::CHANNEL, 'client-score', ['a' => 1]);
        $mark = $this->config()['key_prefix'].':miss:1:1:'.self::CHANNEL;
        Wait::until(fn () => RedisServer::shared()->command('EXISTS', $mark) === ['0'], 'the payload to be detected');
        $elsewhere = $this->node($config);
        $elsewhere->connect('eve');
        $elsewhere->command('eve', 'subscribe', self::CHANNEL);
        $this->awaitEvent(self::MISS, times: 2);

        $this->killNode($there);
        $this->killNode($elsewhere);
    }

    public function test_without_an_endpoint_for_cache_misses_nothing_detects_them(): void
    {
        $server = $this->serve();
        $ann = $this->missed($server->connect());
        $ann->close();

        $this->assertEvents(['channel_occupied '.self::CHANNEL, 'channel_vacated '.self::CHANNEL]);
    }

    public function test_channels_that_resonate_discards_are_released(): void
    {
        $detector = new CacheMissDetector(new Engine($this->config($this->receiving('cache_miss'))));
        $kept = new CacheChannel('cache-kept');
        $filled = new CacheChannel('cache-filled');

        foreach (range(1, 1000) as $n) {
            $detector->subscribed('1', new CacheChannel("cache-{$n}"));
        }

        $detector->subscribed('1', $kept);
        $detector->subscribed('1', $filled);
        $filled->broadcast(['event' => 'scored']);

        // Each check continues where the last one ended, however short they are.
        foreach (range(1, 1100) as $check) {
            $detector->check();
        }

        $empty = (new ReflectionProperty($detector, 'empty'))->getValue($detector);
        $this->assertSame([$kept], array_values(array_map(fn (array $entry) => $entry[1]->get(), $empty)));
        $this->assertSame(['empty' => 1], $detector->__debugInfo());
    }

    /**
     * Get the config of an endpoint for these events.
     *
     * @return array<string, mixed>
     */
    protected function receiving(string ...$events): array
    {
        return ['endpoints' => [$this->endpoint(more: ['events' => $events])]];
    }

    /**
     * Subscribe a client to the channel, for which Resonate has no payload.
     */
    protected function missed(FakeClient $client): FakeClient
    {
        $client->subscribe(self::CHANNEL);
        $this->assertCount(1, $client->received('pusher:cache_miss'));

        return $client;
    }
}
