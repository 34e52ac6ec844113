<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\Wait;

/**
 * A limit on processes and threads, as containers have.
 */
final class ThreadLimitTest extends PluginTestCase
{
    public function test_with_ten_threads_hanging_endpoints_leave_one_thread_for_others(): void
    {
        $receiver = new Receiver;
        $hanging = array_map(fn (int $n) => ['url' => $receiver->url("/hang/{$n}")], range(1, 30));
        $node = $this->nodeWithRoomFor(10, ['endpoints' => [...$hanging, ['url' => $receiver->url('/healthy')]]]);
        $node->connect('ann');

        $node->command('ann', 'subscribe', 'room');
        $this->awaitOccupied($receiver, 'room', 10.0);

        foreach (range(1, 5) as $n) {
            $node->command('ann', 'subscribe', "hall-{$n}");
            $this->awaitOccupied($receiver, "hall-{$n}", 3.0);
        }

        $lines = preg_grep('/threads send webhooks/', $node->stop()) ?: [];
        $this->assertCount(1, $lines, 'the shortage is logged once');
        $this->assertStringContainsString('ulimit -u allows this user 11 processes and threads', (string) reset($lines));
    }

    public function test_with_four_threads_webhooks_wait_and_the_log_names_the_limit(): void
    {
        $node = $this->nodeWithRoomFor(4);
        $node->connect('ann');
        $node->command('ann', 'join', 'presence-room', 7);
        $node->command('ann', 'close');

        $lines = $node->stop();
        $this->assertNotEmpty($lines);

        foreach ($lines as $line) {
            $this->assertStringStartsWith('ERROR: Resonate webhooks have not started: ', $line);
            $this->assertStringContainsString('ulimit -u allows this user 5 processes and threads', $line);
        }

        $this->assertSame([], $this->events());
    }

    /**
     * Start a node under a separate user that may have the main thread and a number of others.
     *
     * @param  array<string, mixed>  $changes  To the config.
     */
    private function nodeWithRoomFor(int $threads, array $changes = []): Node
    {
        $limit = ['prlimit', '--nproc='.($threads + 1)];

        // The limit does not apply to root. Another user needs this capability to read the checkout. Without root, a user namespace
        // has its own count.
        $user = posix_getuid() === 0
            ? ['setpriv', '--reuid='.random_int(100_000, 999_999), '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
            : ['unshare', '--user'];

        return new Node($this->config($changes), through: [...$user, ...$limit]);
    }

    private function awaitOccupied(Receiver $receiver, string $channel, float $seconds): void
    {
        Wait::until(
            fn () => in_array($channel, array_column($receiver->events('/healthy'), 'channel'), true),
            "the webhook about {$channel}",
            $seconds,
        );
    }
}
