<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use Tests\Support\FakeClient;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;

final class ClientEventTest extends PluginTestCase
{
    public function test_a_whisper_is_told_with_its_data_socket_and_user(): void
    {
        $ann = $this->serve()->connect();

        $ann->join('presence-room', 7)->whisper('presence-room', 'client-typing', ['in' => 'a/b', 'name' => 'Jörg', 'at' => 1.0]);
        $this->awaitEvent('client_event presence-room 7 client-typing');

        $this->assertEquals(
            [
                'name' => 'client_event',
                'channel' => 'presence-room',
                'event' => 'client-typing',
                'data' => '{"in":"a/b","name":"Jörg","at":1.0}',
                'socket_id' => $ann->id(),
                'user_id' => '7',
            ],
            $this->clientEvents()[0],
        );
    }

    public function test_a_whisper_on_a_private_channel_has_no_user(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('private-room', ['user_id' => 7])->whisper('private-room', 'client-typing', ['a' => 1]);
        $this->awaitEvent('client_event private-room client-typing');

        $this->assertArrayNotHasKey('user_id', array_filter($this->clientEvents()[0], fn (mixed $value) => $value !== null));
    }

    public function test_data_that_json_cannot_express_again_costs_only_that_value(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('private-room')->raw('{"event":"client-a","channel":"private-room","data":{"n":1e999,"m":1}}');
        $this->awaitEvent('client_event private-room client-a');

        $this->assertSame('{"n":0,"m":1}', $this->clientEvents()[0]['data']);
    }

    public function test_nothing_goes_out_for_a_channel_the_sender_is_not_subscribed_to(): void
    {
        $server = $this->serve();
        [$ann, $eve] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-bank');
        $eve->subscribe('private-other')->whisper('private-bank', 'client-evil', ['transfer' => 1_000_000]);
        $eve->whisper('private-nobody-there', 'client-evil');
        $ann->whisper('private-bank', 'client-end');
        $eve->whisper('private-other', 'client-end');

        $this->awaitEvent('client_event private-bank client-end');
        $this->awaitEvent('client_event private-other client-end');
        $this->assertNotContains('client-evil', array_column($this->clientEvents(), 'event'));
    }

    public function test_who_left_the_channel_whispers_in_vain(): void
    {
        $server = $this->serve();
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-room');
        $bob->subscribe('private-room')->unsubscribe('private-room')->whisper('private-room', 'client-late');
        $ann->whisper('private-room', 'client-end');

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-end']);
    }

    public function test_an_application_without_client_events_has_no_webhooks_for_them(): void
    {
        $server = $this->serve(apps: [TestApplication::app('1', 'none'), TestApplication::app('2', 'all')]);
        [$ann, $bob] = [$server->connect('key-1'), $server->connect('key-2')];

        $ann->subscribe('private-room')->whisper('private-room', 'client-refused');
        $ann->close();
        $bob->subscribe('private-room')->whisper('private-room', 'client-taken');

        $this->awaitEvent('channel_vacated private-room');
        $this->awaitEvent('client_event private-room client-taken');
        $this->assertSame(['client-taken'], array_column($this->clientEvents(), 'event'));
    }

    /**
     * Whatever a client sends: the others hear it if and only if the receiver does.
     */
    #[DataProvider('messages')]
    public function test_the_receiver_hears_what_the_other_clients_hear(string $message): void
    {
        $server = $this->serve();
        [$ann, $bob] = [$server->connect(), $server->connect()];

        foreach ([$ann, $bob] as $client) {
            $client->subscribe('private-room')->join('presence-room', $client->id())
                ->subscribe('room')->subscribe('privateroom');
        }

        $ann->raw($message)->whisper('private-room', 'client-end')->whisper('presence-room', 'client-end');

        $this->awaitEvent('client_event private-room client-end');
        $this->awaitEvent("client_event presence-room {$ann->id()} client-end");

        $this->assertEqualsCanonicalizing($this->heardBy($bob), $this->heardByReceiver());
    }

    /**
     * @return iterable<string, array{0: string}>
     */
    public static function messages(): iterable
    {
        yield 'an object' => ['{"event":"client-a","channel":"private-room","data":{"a":1}}'];
        yield 'an empty object' => ['{"event":"client-a","channel":"private-room","data":{}}'];
        yield 'a list' => ['{"event":"client-a","channel":"presence-room","data":[1,2.0,"x"]}'];
        yield 'a string of JSON' => ['{"event":"client-a","channel":"private-room","data":"{\"a\":1}"}'];
        yield 'null' => ['{"event":"client-a","channel":"private-room","data":null}'];
        yield 'no data' => ['{"event":"client-a","channel":"private-room"}'];
        yield 'an empty string' => ['{"event":"client-a","channel":"private-room","data":""}'];
        yield 'spaces' => ['{"event":"client-a","channel":"private-room","data":"  "}'];
        yield 'a string' => ['{"event":"client-a","channel":"private-room","data":"hello"}'];
        yield 'a number' => ['{"event":"client-a","channel":"private-room","data":7}'];
        yield 'a number in a string' => ['{"event":"client-a","channel":"private-room","data":"7"}'];
        yield 'false' => ['{"event":"client-a","channel":"private-room","data":false}'];
        yield 'deep data' => ['{"event":"client-a","channel":"private-room","data":'.str_repeat('[', 500).str_repeat(']', 500).'}'];
        yield 'a public channel' => ['{"event":"client-a","channel":"room","data":{}}'];
        yield 'a channel that looks private' => ['{"event":"client-a","channel":"privateroom","data":{}}'];
        yield 'an unknown channel' => ['{"event":"client-a","channel":"private-unknown","data":{}}'];
        yield 'no channel' => ['{"event":"client-a","data":{}}'];
        yield 'a number as channel' => ['{"event":"client-a","channel":7,"data":{}}'];
        yield 'a list as channel' => ['{"event":"client-a","channel":["private-room"],"data":{}}'];
        yield 'an event of the server' => ['{"event":"pusher_internal:a","channel":"private-room","data":{}}'];
        yield 'an event without its prefix' => ['{"event":"a","channel":"private-room","data":{}}'];
        yield 'a shouted prefix' => ['{"event":"CLIENT-a","channel":"private-room","data":{}}'];
        yield 'only the prefix' => ['{"event":"client-","channel":"private-room","data":{}}'];
        yield 'a forged user' => ['{"event":"client-a","channel":"presence-room","data":{},"user_id":"1"}'];
        yield 'a number as event' => ['{"event":7,"channel":"private-room","data":{}}'];
        yield 'a list as event' => ['{"event":["client-a"],"channel":"private-room","data":{}}'];
        yield 'a list as message' => ['["client-a"]'];
        yield 'a string as message' => ['"client-a"'];
        yield 'no JSON' => ['client-a'];
    }

    /**
     * @return list<array<string, mixed>>
     */
    private function clientEvents(): array
    {
        return array_values(array_filter(
            Receiver::shared()->events($this->path()),
            fn (array $event) => $event['name'] === 'client_event',
        ));
    }

    /**
     * @return list<string>
     */
    private function heardBy(FakeClient $client): array
    {
        return array_map(
            fn (array $message) => $message['channel'].' '.$message['event'],
            array_values(array_filter($client->connection->received, fn (array $message) => str_starts_with($message['event'], 'client-'))),
        );
    }

    /**
     * @return list<string>
     */
    private function heardByReceiver(): array
    {
        return array_map(fn (array $event) => $event['channel'].' '.$event['event'], $this->clientEvents());
    }
}
