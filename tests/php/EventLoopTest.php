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
 * Whatever happens behind the hooks, the event loop comes round and no edge is lost over it.
 */
#[Group('alone')]
final class EventLoopTest extends PluginTestCase
{
    /**
     * Turns of a crowd that outlast every timeout of these tests; two seconds at least.
     */
    private const int TURNS = 210;

    /**
     * The longest the loop may be away, in seconds. A hook that waited for Redis or an endpoint would be away for as
     * long as they hang; this is for a machine with more to do than to run this test.
     */
    private const float LONGEST_GAP = 0.25;

    /**
     * With the longer timeout the engine waits for one answer all the while; with the shorter one it gives up and asks
     * again, and Redis finds the same question many times when it goes on.
     */
    #[TestWith([10.0])]
    #[TestWith([0.3])]
    public function test_a_redis_that_hangs_holds_no_hook_up_and_costs_no_event(float $timeout): void
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

    public function test_an_endpoint_that_hangs_holds_no_hook_up_and_costs_no_event(): void
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
    public function test_a_redis_that_dies_and_comes_back_leaves_edges_that_take_turns_and_end_at_the_truth(bool $remembers): void
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
     * Wait until every edge has arrived and the engine knows: events that nobody has read, and answers, die with a Redis
     * that forgets. A client event is not put there before what came earlier is answered.
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
        $this->assertGreaterThan(2.0, $hanging->seconds(), 'seconds without an answer');
        $this->assertLessThan(self::LONGEST_GAP, $hanging->longestGap(), 'seconds that the loop was away');
        $this->assertGreaterThan($calm->rounds() / 4, $hanging->rounds(), 'rounds of the loop for the same work');
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
     * End the crowd, and wait until the receiver has heard its last word on every channel.
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
