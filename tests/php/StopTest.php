<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\FailingRedis;
use Tests\Support\FreePort;
use Tests\Support\Node;
use Tests\Support\Wait;

/**
 * A node that stops under traffic stops in time, even if an endpoint or Redis fails, and reports what it could not deliver.
 */
#[Group('alone')]
final class StopTest extends PluginTestCase
{
    private const float SHUTDOWN_TIMEOUT = 1.0;

    /**
     * The seconds that clients have to leave after SIGUSR2.
     */
    private const float DRAIN = 1.0;

    /**
     * The seconds that threads may exceed the timeout, plus those of PHP and a busy machine.
     */
    private const float GRACE = 0.3 + 1.5;

    #[TestWith([SIGTERM, 'nothing'])]
    #[TestWith([SIGUSR2, 'nothing'])]
    #[TestWith([SIGTERM, 'an endpoint that hangs'])]
    #[TestWith([SIGUSR2, 'an endpoint that hangs'])]
    #[TestWith([SIGTERM, 'an endpoint that drips'])]
    #[TestWith([SIGTERM, 'an endpoint that refuses'])]
    public function test_the_next_node_delivers_what_an_endpoint_did_not_accept_in_time(int $signal, string $trouble): void
    {
        $redis = new FailingRedis;
        $node = $this->busyNode($redis, match ($trouble) {
            'an endpoint that hangs' => $this->endpoint('/hang'),
            'an endpoint that drips' => $this->endpoint('/drip'),
            'an endpoint that refuses' => ['url' => 'http://127.0.0.1:'.FreePort::find().'/'],
            default => $this->endpoint(),
        });
        $sent = $this->endInTime($node, $signal);

        if ($trouble === 'nothing') {
            $this->assertSame('', $node->errorOutput());
        } else {
            $this->assertMatchesRegularExpression('/^resonate_webhooks: the process ended with [1-9]\d* events undelivered \(safe in Redis\), 0 claims undecided, 0 intents unprocessed\n$/', $node->errorOutput());
        }

        $next = $this->nextNode($redis);
        $this->awaitEverybodyLeft();
        $this->assertSame($sent, $this->counted());
        $next->stop();
    }

    #[TestWith([SIGTERM, 'is dead'])]
    #[TestWith([SIGUSR2, 'is dead'])]
    #[TestWith([SIGTERM, 'hangs'])]
    public function test_events_that_redis_did_not_accept_in_time_are_reported_as_lost_and_all_others_arrive(int $signal, string $trouble): void
    {
        $redis = new FailingRedis(remembers: true);
        $node = $this->busyNode($redis, $this->endpoint());
        $trouble === 'is dead' ? $redis->kill() : $redis->hang();
        Wait::pause(0.3);
        $sent = $this->endInTime($node, $signal);

        $this->assertSame(1, preg_match('/ (\d+) client events lost/', $node->errorOutput(), $lost), $node->errorOutput());

        $trouble === 'is dead' ? $redis->start() : $redis->goOn();
        $next = $this->nextNode($redis);
        $this->awaitEverybodyLeft();
        $received = array_sum($this->counted());
        // Events that Redis received without a reply are reported as lost, but may arrive.
        $this->assertGreaterThanOrEqual(array_sum($sent) - (int) $lost[1], $received);
        $this->assertLessThanOrEqual(array_sum($sent), $received);
        $next->stop();
    }

    /**
     * Start a node, and wait until its traffic arrives or fails.
     *
     * @param  array<string, mixed>  $endpoint
     */
    private function busyNode(FailingRedis $redis, array $endpoint): Node
    {
        $node = new Node($this->config($this->on($redis, $endpoint)), drain: self::DRAIN);
        $node->command(null, 'traffic');
        Wait::pause(0.7);

        return $node;
    }

    /**
     * Start the successor.
     */
    private function nextNode(FailingRedis $redis): Node
    {
        return new Node($this->config($this->on($redis, $this->endpoint())));
    }

    /**
     * Get the config of a node. The ID of its endpoint does not depend on its URL.
     *
     * @param  array<string, mixed>  $endpoint
     * @return array<string, mixed>
     */
    private function on(FailingRedis $redis, array $endpoint): array
    {
        return [
            'connection' => $redis->connection(1.0),
            'ttl' => 3,
            'shutdown_timeout' => self::SHUTDOWN_TIMEOUT,
            'endpoints' => ['receiver' => $endpoint],
        ];
    }

    /**
     * Stop the node by a signal, and return the number of client events by channel.
     *
     * @return array<string, int>
     */
    private function endInTime(Node $node, int $signal): array
    {
        $begin = hrtime(true);
        $lines = $node->endBy($signal);
        $seconds = (hrtime(true) - $begin) / 1e9 - ($signal === SIGUSR2 ? self::DRAIN : 0.0);

        $this->assertLessThan(self::SHUTDOWN_TIMEOUT + self::GRACE, $seconds, 'seconds until the end');

        $sent = json_decode($lines[0], true, flags: JSON_THROW_ON_ERROR);

        $this->assertGreaterThan(50, min($sent), 'there was traffic');

        return $sent;
    }

    /**
     * Wait until every departure has arrived.
     */
    private function awaitEverybodyLeft(): void
    {
        $last = fn () => array_column(
            array_filter(array_map(fn (string $event) => explode(' ', $event), $this->events()), fn (array $event) => str_starts_with($event[0], 'channel_')),
            0, 1,
        );

        Wait::until(
            fn () => count($last()) === 5 && array_unique(array_values($last())) === ['channel_vacated'],
            fn () => 'everybody to have left: '.json_encode($last()),
            30.0,
        );
    }

    /**
     * Count the client events that arrived by channel. None may be missing before another, and none may have two IDs.
     *
     * @return array<string, int>
     */
    private function counted(): array
    {
        $counted = $batches = [];

        foreach (Support\Receiver::shared()->requests($this->path()) as $request) {
            if ($request['status'] === 200) {
                $batches[$request['headers']['webhook-id']] ??= json_decode($request['body'], true, flags: JSON_THROW_ON_ERROR)['events'];
            }
        }

        foreach (array_merge(...array_values($batches)) as $event) {
            if ($event['name'] === 'client_event') {
                $channel = $event['channel'];
                $counted[$channel] ??= 0;
                $this->assertSame($counted[$channel]++, json_decode($event['data'], true)['n'], "the next of {$channel}");
            }
        }

        ksort($counted);

        return $counted;
    }
}
