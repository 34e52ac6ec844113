<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Support\Facades\Event;
use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\Support\FakeClient;
use Tests\Support\FakeServer;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Events\MessageReceived;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;

#[Group('host')]
final class ClientEventTest extends PluginTestCase
{
    public function test_a_client_event_has_its_data_socket_id_and_user(): void
    {
        $ann = $this->serve()->connect();

        $ann->join('presence-room', 7)->whisper('presence-room', 'client-typing', ['in' => 'a/b', 'name' => 'Jörg', 'at' => 1.0]);
        $this->awaitEvent('client_event presence-room 7 client-typing');

        $this->assertEquals(
            [
                'name' => 'client_event',
                'channel' => 'presence-room',
                'event' => 'client-typing',
                'data' => '{"in":"a\/b","name":"J\u00f6rg","at":1.0}',
                'socket_id' => $ann->id(),
                'user_id' => '7',
            ],
            $this->clientEvents()[0],
        );
    }

    public function test_a_client_event_on_a_private_channel_has_no_user(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('private-room', ['user_id' => 7])->whisper('private-room', 'client-typing', ['a' => 1]);
        $this->awaitEvent('client_event private-room client-typing');

        $this->assertArrayNotHasKey('user_id', array_filter($this->clientEvents()[0], fn (mixed $value) => $value !== null));
    }

    /**
     * The receiver gets the bytes of the client, even if PHP would decode and encode them differently.
     */
    #[DataProvider('data')]
    public function test_data_arrives_byte_for_byte(string $message, ?string $data): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('private-room')->raw($message);
        $this->awaitEvent('client_event private-room client-a');

        $this->assertSame($data, $this->clientEvents()[0]['data'] ?? null);
    }

    /**
     * @return iterable<string, array{0: string, 1: ?string}>
     */
    public static function data(): iterable
    {
        $with = fn (string $data) => '{"event":"client-a","channel":"private-room","data":'.$data.'}';

        yield 'an empty object' => [$with('{}'), '{}'];
        yield 'nested empty objects' => [$with('{"a":{},"b":[{}]}'), '{"a":{},"b":[{}]}'];
        yield 'large numbers' => [$with('[12345678901234567890,1.0,1e999,-0]'), '[12345678901234567890,1.0,1e999,-0]'];
        yield 'white space' => [$with(' { "a" : 1 } '), '{ "a" : 1 }'];
        yield 'escapes' => [$with('{"\u00e9":"\/\ud83e\udd80"}'), '{"\u00e9":"\/\ud83e\udd80"}'];
        yield 'duplicate keys' => [$with('{"a":1,"a":2}'), '{"a":1,"a":2}'];
        yield 'an object in a string' => [$with('"{\"a\":{}}"'), '{"a":{}}'];
        yield 'a list in a string' => [$with('" [1, {}] "'), ' [1, {}] '];
        yield 'null' => [$with('null'), null];
        yield 'null in a string' => [$with('"null"'), null];
        yield 'no data' => ['{"event":"client-a","channel":"private-room"}', null];
        yield 'a blank string' => [$with('" "'), '" "'];
        yield 'duplicate fields' => ['{"event":"client-b","data":[1],"channel":"private-other","channel":"private-room","data":{},"event":"client-a"}', '{}'];
        yield 'escaped keys and names' => ['{"\u0065vent":"\u0063lient-a","channel":"private\u002droom","d\u0061ta":{}}', '{}'];
    }

    #[TestWith([MessageDisposition::Rejected])]
    #[TestWith([MessageDisposition::Handled])]
    public function test_a_message_that_a_later_plugin_handles_is_not_reported(MessageDisposition $disposition): void
    {
        $server = $this->serve();
        $judge = $server->judge(fn (Connection $from, array $event) => $event['event'] === 'client-bad' ? $disposition : MessageDisposition::Relay);
        $ann = $server->connect();

        $ann->subscribe('private-room')
            ->whisper('private-room', 'client-bad', ['a' => 1])
            ->raw('{"event":"pusher:ping","data":{}}')
            ->whisper('private-room', 'client-end');

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-end']);
        $this->assertSame(4, $judge->seen);
    }

    public function test_a_client_event_of_a_sender_that_a_later_plugin_removes_is_not_reported(): void
    {
        $server = $this->serve();
        $server->judge(function (Connection $from, array $event) {
            if ($event['event'] === 'client-bad') {
                app(PluginContext::class)->unsubscribe($from, 'private-room');
            }

            return MessageDisposition::Relay;
        });
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-room');
        $bob->subscribe('private-room')->whisper('private-room', 'client-bad')->whisper('private-room', 'client-worse');
        $ann->whisper('private-room', 'client-end');

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-end']);
    }

    public function test_alternating_client_events_of_two_applications_reach_their_own_clients_and_receivers(): void
    {
        $server = $this->serve(apps: [TestApplication::app('1'), TestApplication::app('2')]);
        $clients = [$server->connect('key-1'), $server->connect('key-1'), $server->connect('key-2'), $server->connect('key-2')];

        array_walk($clients, fn (FakeClient $client) => $client->subscribe('private-room'));

        foreach ([0, 2, 1, 3] as $n) {
            $clients[$n]->whisper('private-room', "client-{$n}");
        }

        $this->awaitEvent('client_event private-room client-1');
        $this->awaitEvent('client_event private-room client-3');
        $this->assertCount(4, $this->clientEvents());
        $this->assertSame(['client-1'], array_column($clients[0]->received('client-1'), 'event'));
        $this->assertSame(['client-2'], array_column($clients[3]->received('client-2'), 'event'));
    }

    public function test_a_listener_that_stops_the_event_does_not_hide_it(): void
    {
        $received = 0;
        $this->application = new TestApplication($this->config());
        Event::listen(MessageReceived::class, function () use (&$received) {
            $received++;

            return false;
        });
        $this->server = new FakeServer($this->application->laravel);

        $this->server->connect()->subscribe('private-room')->whisper('private-room', 'client-a');

        $this->awaitEvent('client_event private-room client-a');
        $this->assertSame(2, $received);
    }

    public function test_a_subscription_without_a_hook_is_reported_before_its_client_events(): void
    {
        $ann = $this->serve()->connect();

        // This happens if the webhooks start late, or their queue was full.
        $ann->subscribeUnnoticed('presence-room', ['user_id' => 7])->whisper('presence-room', 'client-a');
        $ann->close();

        $this->assertEvents([
            'channel_occupied presence-room',
            'member_added presence-room 7',
            'client_event presence-room 7 client-a',
            'member_removed presence-room 7',
            'channel_vacated presence-room',
        ]);
    }

    public function test_a_client_event_on_a_channel_without_its_sender_is_not_reported(): void
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

    public function test_a_client_event_after_leaving_the_channel_is_not_reported(): void
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
     * A message reaches the receiver if and only if it reaches the other clients.
     */
    #[DataProvider('messages')]
    public function test_the_receiver_gets_what_the_other_clients_get(string $message): void
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
        yield 'an uppercase prefix' => ['{"event":"CLIENT-a","channel":"private-room","data":{}}'];
        yield 'only the prefix' => ['{"event":"client-","channel":"private-room","data":{}}'];
        yield 'a forged user' => ['{"event":"client-a","channel":"presence-room","data":{},"user_id":"1"}'];
        yield 'a number as event' => ['{"event":7,"channel":"private-room","data":{}}'];
        yield 'a list as event' => ['{"event":["client-a"],"channel":"private-room","data":{}}'];
        yield 'a list as message' => ['["client-a"]'];
        yield 'a string as message' => ['"client-a"'];
        yield 'not JSON' => ['client-a'];
        yield 'an escaped prefix' => ['{"event":"\u0063lient-a","channel":"private-room","data":{}}'];
        yield 'the last of two channels' => ['{"event":"client-a","channel":"private-unknown","channel":"private-room","data":{}}'];
        yield 'the last of two channels, unknown' => ['{"event":"client-a","channel":"private-room","channel":"private-unknown","data":{}}'];
        yield 'an unpaired surrogate' => ['{"event":"client-a","channel":"private-room","data":{"a":"\ud800"}}'];
        yield 'data of the maximum depth' => ['{"event":"client-a","channel":"private-room","data":'.str_repeat('[', 511).str_repeat(']', 511).'}'];
        yield 'data that is too deep' => ['{"event":"client-a","channel":"private-room","data":'.str_repeat('[', 512).str_repeat(']', 512).'}'];
        yield 'null in a string' => ['{"event":"client-a","channel":"private-room","data":"null"}'];
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
