<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\Checker;
use Tests\Support\Crowd;
use Tests\Support\FailingRedis;
use Tests\Support\HangingReceiver;
use Tests\Support\LoopWatch;
use Tests\Support\Wait;

/**
 * Failures of Redis and endpoints neither block the event loop nor lose an edge.
 */
#[Group('alone')]
final class EventLoopTest extends PluginTestCase
{
    /**
     * The turns of a crowd that take longer than every timeout of these tests; two seconds at least.
     */
    private const int TURNS = 210;

    /**
     * The longest allowed pause of the event loop, in seconds. A hook that waited for Redis or an endpoint would take as long
     * as they hang. This allows for a busy machine.
     */
    private const float LONGEST_GAP = 0.25;

    /**
     * With the longer timeout, the engine waits for one reply all the time. With the shorter one, it repeats the call, and
     * Redis finds it many times when it resumes.
     */
    #[TestWith([10.0])]
    #[TestWith([0.3])]
    public function test_a_hanging_redis_blocks_no_hook_and_loses_no_event(float $timeout): void
    {
        $redis = new FailingRedis;
        $receiver = new HangingReceiver;
        $crowd = $this->crowd($redis, $timeout, $receiver);

        $calm = LoopWatch::during(fn () => $crowd->play(self::TURNS));
        $actions = $crowd->actions;
        $redis->hang();
        $hanging = LoopWatch::during(fn () => $crowd->play(self::TURNS));
        $redis->goOn();

        $this->assertSame(2 * $actions, $crowd->actions, 'the crowd did as much as before');
        $this->assertNotHeldUp($calm, $hanging);
        $this->assertEveryEventOnce($crowd, $receiver);
        $this->assertEverybodyLeaves($receiver);
    }

    public function test_a_hanging_endpoint_blocks_no_hook_and_loses_no_event(): void
    {
        $redis = new FailingRedis;
        $receiver = new HangingReceiver;
        $crowd = $this->crowd($redis, 5.0, $receiver);

        $calm = LoopWatch::during(fn () => $crowd->play(self::TURNS));
        $actions = $crowd->actions;
        $receiver->hang();
        $hanging = LoopWatch::during(fn () => $crowd->play(self::TURNS));
        $receiver->goOn();

        $this->assertSame(2 * $actions, $crowd->actions, 'the crowd did as much as before');
        $this->assertNotHeldUp($calm, $hanging);
        $this->assertEveryEventOnce($crowd, $receiver);
        $this->assertGreaterThan(0, $this->arrivals($receiver)->repeats, 'the endpoint got an attempt that it did not answer in time');
        $this->assertEverybodyLeaves($receiver);
    }

    #[TestWith([true])]
    #[TestWith([false])]
    public function test_edges_alternate_and_end_at_the_final_state_when_redis_dies_and_comes_back(bool $remembers): void
    {
        $redis = new FailingRedis($remembers);
        $receiver = new HangingReceiver;
        $crowd = $this->crowd($redis, 1.0, $receiver);

        $watches = [];

        foreach (range(1, 3) as $_) {
            $watches[] = LoopWatch::during(fn () => $crowd->play(30));
            $remembers || $this->awaitNothingLeftInRedis($crowd, $receiver);
            $watches[] = LoopWatch::during(function () use ($crowd, $redis): void {
                $redis->kill();
                $crowd->play(30);
                $redis->start();
            });
        }

        $watches[] = LoopWatch::during(fn () => $crowd->play(30));

        $this->assertLessThan(self::LONGEST_GAP, max(array_map(fn (LoopWatch $watch) => $watch->longestGap(), $watches)));

        Wait::until(
            fn () => $this->arrivals($receiver)->present() === $crowd->truth(),
            fn () => "the truth about the crowd of seed {$crowd->seed}: ".json_encode([$crowd->truth(), $this->arrivals($receiver)->present()]),
            30.0,
        );

        $this->awaitEnd($crowd, $receiver);
        $this->assertNoFault($this->arrivals($receiver)->checkEdges()->checkRest($crowd), $crowd);
        $this->assertEverybodyLeaves($receiver);
    }

    /**
     * Wait until every edge has arrived and is acknowledged, because a Redis without persistence loses undelivered events and
     * replies when it dies. The final client event is published only after the earlier calls have their replies.
     */
    private function awaitNothingLeftInRedis(Crowd $crowd, HangingReceiver $receiver): void
    {
        Wait::until(fn () => $this->arrivals($receiver)->present() === $crowd->truth(), "the truth about the crowd of seed {$crowd->seed}", 30.0);

        [$channel, $event] = $crowd->remark();

        Wait::until(
            fn () => in_array($event, $this->arrivals($receiver)->arrived[$channel], true),
            "a remark in the crowd of seed {$crowd->seed}",
            30.0,
        );
    }

    private function crowd(FailingRedis $redis, float $timeout, HangingReceiver $receiver): Crowd
    {
        return Crowd::on($this->serve([
            'connection' => $redis->connection($timeout),
            'ttl' => 3,
            'timeout' => 1.0,
            'endpoints' => [['url' => $receiver->url]],
        ]));
    }

    private function assertNotHeldUp(LoopWatch $calm, LoopWatch $hanging): void
    {
        $this->assertGreaterThan(2.0, $hanging->seconds(), 'the seconds without an answer');
        $this->assertLessThan(self::LONGEST_GAP, $hanging->longestGap(), 'the longest pause of the loop, in seconds');
        $this->assertGreaterThan($calm->rounds() / 4, $hanging->rounds(), 'runs of the loop during the same work');
    }

    private function assertEveryEventOnce(Crowd $crowd, HangingReceiver $receiver): void
    {
        $this->awaitEnd($crowd, $receiver);
        $this->assertNoFault($this->arrivals($receiver)->check($crowd), $crowd);
    }

    private function assertNoFault(Checker $checker, Crowd $crowd): void
    {
        $this->assertSame([], array_filter($checker->faults), "the crowd of seed {$crowd->seed}");
    }

    private function assertEverybodyLeaves(HangingReceiver $receiver): void
    {
        $this->server->disconnect();
        $this->server->stop();

        Wait::until(
            fn () => $this->arrivals($receiver)->present() === [],
            fn () => 'the departure of everybody; still there: '.json_encode($this->arrivals($receiver)->present()),
        );
        $this->addToAssertionCount(1);
    }

    /**
     * End the crowd, and wait until its last client event of every channel has arrived.
     */
    private function awaitEnd(Crowd $crowd, HangingReceiver $receiver): void
    {
        $crowd->end();

        $last = array_map(fn (array $events) => end($events), $crowd->expected());

        Wait::until(
            fn () => array_map(fn (array $events) => end($events), array_intersect_key($this->arrivals($receiver)->arrived, $last)) == $last,
            fn () => "the end of the crowd of seed {$crowd->seed}; log: ".json_encode($this->application->log()),
            30.0,
        );
    }

    private function arrivals(HangingReceiver $receiver): Checker
    {
        return new Checker($receiver->requests());
    }
}
