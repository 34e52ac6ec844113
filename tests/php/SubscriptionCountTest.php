<?php

declare(strict_types=1);

namespace Tests;

use Tests\Support\Receiver;
use Tests\Support\Wait;

/**
 * The `subscription_count` of channels.
 */
final class SubscriptionCountTest extends PluginTestCase
{
    public function test_the_count_includes_all_nodes_and_ends_at_zero(): void
    {
        $config = $this->counting();
        [$here, $there] = [$this->serve($config), $this->node($config)];

        $clients = array_map(fn () => $here->connect()->subscribe('news')->subscribe('presence-news'), range(1, 3));
        $there->connect('bob');
        $there->command('bob', 'subscribe', 'news');
        $this->awaitNumber(4);

        $clients[0]->unsubscribe('news');
        $clients[1]->removeFrom('news');
        $this->awaitNumber(2);

        $there->command('bob', 'close');
        $here->disconnect();
        $here->stop();
        $this->awaitNumber(0);

        $there->stop();
        $this->assertSame(['news'], array_values(array_unique(array_column($this->numbers(), 'channel'))));
    }

    public function test_the_body_has_pushers_format(): void
    {
        $this->serve($this->counting())->connect()->subscribe('news');
        $this->awaitNumber(1);

        $this->assertSame(
            [['name' => 'subscription_count', 'channel' => 'news', 'subscription_count' => 1]],
            $this->numbers(),
        );
        $this->assertStringContainsString(
            '{"name":"subscription_count","channel":"news","subscription_count":1}',
            Receiver::shared()->requests($this->path())[0]['body'],
        );
    }

    /**
     * @return array<string, mixed>
     */
    protected function counting(): array
    {
        return [
            'subscription_count_interval' => 0.2,
            'reconcile_interval' => 1.0,
            'endpoints' => [$this->endpoint(more: ['events' => ['subscription_count']])],
        ];
    }

    /**
     * Get the received events.
     *
     * @return list<array<string, mixed>>
     */
    protected function numbers(): array
    {
        return Receiver::shared()->events($this->path());
    }

    /**
     * Wait until the last received count is a number.
     */
    protected function awaitNumber(int $number): void
    {
        Wait::until(
            fn () => ($this->numbers()[array_key_last($this->numbers()) ?? 0]['subscription_count'] ?? null) === $number,
            fn () => "the number {$number}; received: ".json_encode($this->numbers()),
        );
    }
}
