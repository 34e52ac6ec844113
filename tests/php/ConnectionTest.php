<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\Group;
use Tests\Support\Receiver;

#[Group('host')]
final class ConnectionTest extends PluginTestCase
{
    private const array BOTH = ['connection_established', 'connection_terminated'];

    public function test_a_client_is_reported_when_it_connects_and_disconnects(): void
    {
        $ann = $this->serve(['endpoints' => [$this->endpoint(more: ['events' => self::BOTH])]])->connect();

        $ann->join('presence-room', 7)->unsubscribe('presence-room')->close();

        $this->awaitEvents(2);
        $this->assertSame(
            array_map(fn (string $name) => ['name' => $name, 'socket_id' => $ann->id()], self::BOTH),
            Receiver::shared()->events($this->path()),
        );
    }

    public function test_an_endpoint_that_does_not_list_connection_events_gets_none(): void
    {
        $ann = $this->serve(['endpoints' => [
            $this->endpoint(),
            $this->endpoint('/connections', ['events' => self::BOTH]),
        ]])->connect();

        $ann->subscribe('room')->close();

        Support\Wait::until(fn () => count(Receiver::shared()->events($this->path('/connections'))) === 2, fn () => 'both');
        $this->assertEvents(['channel_occupied room', 'channel_vacated room']);
    }

    public function test_another_node_reports_the_disconnection_of_a_killed_nodes_clients(): void
    {
        $config = ['ttl' => 3, 'endpoints' => [$this->endpoint(more: ['events' => self::BOTH])]];
        [$here, $there] = [$this->node($config), $this->node($config)];

        $here->connect('ann');
        $this->awaitEvents(1);
        $this->killNode($here);

        // A batch that was sent at the time of the kill may arrive again.
        Support\Wait::until(fn () => count($this->distinctEvents()) >= 2, fn () => 'an end; received: '.json_encode($this->distinctEvents()), 30.0);
        $this->assertSame(self::BOTH, array_column($this->distinctEvents(), 'name'));
        $this->assertCount(1, array_unique(array_column($this->distinctEvents(), 'socket_id')));

        $there->stop();
    }

    public function test_an_extended_endpoint_gets_the_data_of_members(): void
    {
        $ann = $this->serve(['endpoints' => [$this->endpoint(more: ['payload' => 'extended'])]])->connect();

        $data = '{"user_id": 7, "user_info": {"name":"J\u00f6rg","likes":{},"big":12345678901234567890}}';

        $ann->subscribeWith('presence-room', $data)->close();
        $this->awaitEvent('channel_vacated presence-room');

        foreach (Receiver::shared()->events($this->path()) as $event) {
            $this->assertMatchesRegularExpression('/^evt_[0-9a-f]{36}$/', $event['id']);
            $this->assertEqualsWithDelta(time() * 1000, $event['time_ms'], 60_000);

            if (str_starts_with($event['name'], 'member_')) {
                $this->assertSame($ann->id(), $event['socket_id']);
                $this->assertSame($data, $event['data'], 'byte for byte');
            }
        }
    }

    /**
     * @return list<array<string, mixed>>
     */
    private function distinctEvents(): array
    {
        return Receiver::shared()->events($this->path(), repeats: false);
    }

    private function awaitEvents(int $count, float $seconds = 15.0): void
    {
        Support\Wait::until(
            fn () => count(Receiver::shared()->events($this->path())) >= $count,
            fn () => "{$count} events; received: ".json_encode(Receiver::shared()->events($this->path())),
            $seconds,
        );
    }
}
