<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Log\Events\MessageLogged;
use Illuminate\Support\Facades\Event;
use PHPUnit\Framework\Attributes\Group;
use Tests\Support\LoopWatch;
use Tests\Support\Wait;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Events\WebhookDropped;

/**
 * Listeners and log channels run on the event loop. A slow one blocks it for one call at a time.
 */
#[Group('alone')]
final class SlowListenerTest extends PluginTestCase
{
    /**
     * The pause that a busy machine may cause, in seconds.
     */
    private const float LONGEST_GAP = 0.25;

    public function test_a_slow_log_blocks_the_loop_for_one_line_at_a_time_and_a_small_share_of_the_time(): void
    {
        $line = 0.1;
        $endpoints = array_map(fn (int $n) => $this->endpoint("/status/500/{$n}"), range(1, 40));
        $server = $this->serve(['max_attempts' => 1, 'endpoints' => $endpoints]);
        Event::listen(MessageLogged::class, fn () => usleep((int) ($line * 1e6)));

        $server->connect()->subscribe('room');
        Wait::until(fn () => $this->application->log() !== [], 'the first line');
        $watch = LoopWatch::during(fn () => Wait::pause(3.0));

        $logged = count($this->application->log());
        $this->assertLessThan(2 * $line + self::LONGEST_GAP, $watch->longestGap(), 'the longest pause of the loop, in seconds');
        $this->assertLessThan($watch->seconds() / 2, array_sum(array_filter($watch->gaps, fn (float $gap) => $gap >= $line)));
        $this->assertGreaterThan(2, $logged, 'lines are still logged');
        $this->assertLessThan(40, $logged, 'the log was busy');
    }

    public function test_a_slow_listener_neither_blocks_the_loop_nor_delays_drops(): void
    {
        $endpoints = array_map(fn (int $n) => $this->endpoint("/{$n}"), range(1, 30));
        $server = $this->serve(['max_attempts' => 1, 'flush_interval' => 0.01, 'endpoints' => [...$endpoints, $this->endpoint('/status/500')]]);
        $delivered = $dropped = 0;
        Event::listen(WebhookDelivered::class, function () use (&$delivered): void {
            $delivered++;
            usleep(20_000);
        });
        Event::listen(WebhookDropped::class, function () use (&$dropped): void {
            $dropped++;
        });
        $client = $server->connect();

        $watch = LoopWatch::during(function () use ($client, &$dropped): void {
            for ($n = 0; $n < 50; $n++) {
                $client->subscribe("room-{$n}");
                Wait::pause(0.02);
            }

            Wait::until(function () use (&$dropped) {
                return $dropped > 0;
            }, 'the drop');
        });

        $this->assertLessThan(self::LONGEST_GAP, $watch->longestGap(), 'the longest pause of the loop, in seconds');
        $this->assertLessThan(1_000, $delivered, 'the listener was slow');
    }
}
