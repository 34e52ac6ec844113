<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\Attributes\Group;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;

#[Group('host')]
final class SubscriptionTest extends PluginTestCase
{
    public function test_the_first_subscriber_occupies_a_channel_and_the_last_one_vacates_it(): void
    {
        $server = $this->serve();
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-room');
        $bob->subscribe('private-room');
        $ann->unsubscribe('private-room');
        $bob->unsubscribe('private-room');
        $ann->subscribe('private-room');

        $this->assertEvents([
            'channel_occupied private-room', 'channel_vacated private-room', 'channel_occupied private-room',
        ]);
    }

    public function test_the_webhook_is_signed_with_the_secret_of_the_application(): void
    {
        $this->serve()->connect()->subscribe('room');
        $this->awaitEvent('channel_occupied room');

        [$request] = Receiver::shared()->requests($this->path());

        $this->assertSame('POST', $request['method']);
        $this->assertSame('application/json', $request['headers']['content-type']);
        $this->assertSame('key-1', $request['headers']['x-pusher-key']);
        $this->assertSame(hash_hmac('sha256', $request['body'], 'secret-1'), $request['headers']['x-pusher-signature']);
    }

    #[DataProvider('userIds')]
    public function test_a_user_id_is_a_string(mixed $userId, string $expected): void
    {
        $ann = $this->serve()->connect();

        $ann->join('presence-room', $userId);
        $ann->close();

        $this->assertEvents([
            'channel_occupied presence-room', "member_added presence-room {$expected}",
            "member_removed presence-room {$expected}", 'channel_vacated presence-room',
        ]);
        $this->assertSame($expected, Receiver::shared()->events($this->path())[1]['user_id']);
    }

    /**
     * @return iterable<string, array{0: mixed, 1: string}>
     */
    public static function userIds(): iterable
    {
        yield 'a number' => [7, '7'];
        yield 'a numeric string' => ['7', '7'];
        yield 'zero' => [0, '0'];
        yield 'a fraction' => [1.5, '1.5'];
        yield 'a UUID' => ['0193d5a4-7c3e-7b1a-9f52-6f2f0d5f6a11', '0193d5a4-7c3e-7b1a-9f52-6f2f0d5f6a11'];
        yield 'words' => ['Jörg "the" cat/🐈', 'Jörg "the" cat/🐈'];
    }

    public function test_the_number_7_and_the_string_7_are_one_user(): void
    {
        $server = $this->serve();
        [$ann, $tab] = [$server->connect(), $server->connect()];

        $ann->join('presence-room', 7);
        $tab->join('presence-room', '7');
        $ann->close();
        $tab->whisper('presence-room', 'client-still-here');
        $tab->close();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'client_event presence-room 7 client-still-here',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    #[DataProvider('nobodies')]
    public function test_a_presence_channel_without_a_usable_user_id_has_no_member(array $channelData): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('presence-room', [...$channelData, 'user_info' => ['name' => 'Ann']]);
        $ann->close();

        $this->assertEvents(['channel_occupied presence-room', 'channel_vacated presence-room']);
    }

    /**
     * @return iterable<string, array{0: array<string, mixed>}>
     */
    public static function nobodies(): iterable
    {
        yield 'none' => [[]];
        yield 'null' => [['user_id' => null]];
        yield 'empty' => [['user_id' => '']];
    }

    public function test_a_claimed_user_on_a_channel_without_presence_is_ignored(): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe('room', ['user_id' => 7]);
        $ann->close();
        $this->assertEvents(['channel_occupied room', 'channel_vacated room']);
    }

    public function test_subscribing_again_on_the_same_socket_changes_nothing(): void
    {
        $ann = $this->serve()->connect();

        $ann->join('presence-room', 7);
        $ann->join('presence-room', 7);
        $ann->unsubscribe('presence-room');

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ]);
    }

    public function test_changing_the_user_of_a_socket_removes_one_member_and_adds_another(): void
    {
        $ann = $this->serve()->connect();

        $ann->join('presence-room', 7);
        $ann->join('presence-room', 8);
        $ann->close();

        $this->awaitEvent('channel_vacated presence-room');

        $events = $this->events();
        $this->assertEqualsCanonicalizing(
            [
                'channel_occupied presence-room', 'member_added presence-room 7', 'member_removed presence-room 7',
                'member_added presence-room 8', 'member_removed presence-room 8', 'channel_vacated presence-room',
            ],
            $events,
        );
        $this->assertLessThan(
            array_search('member_removed presence-room 8', $events, true),
            array_search('member_removed presence-room 7', $events, true),
        );
    }

    public function test_unsubscribing_from_a_channel_that_was_never_joined_does_not_vacate_it(): void
    {
        $server = $this->serve();
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->subscribe('private-room');
        $bob->unsubscribe('private-room');
        $ann->whisper('private-room', 'client-still-here');

        $this->assertEvents(['channel_occupied private-room', 'client_event private-room client-still-here']);
    }

    public function test_closing_leaves_each_channel_once_even_if_it_was_left_before(): void
    {
        $server = $this->serve();
        [$ann, $bob] = [$server->connect(), $server->connect()];

        $ann->join('presence-a', 7)->subscribe('private-b')->unsubscribe('presence-a')->close();
        $this->awaitEvent('channel_vacated presence-a');
        $this->awaitEvent('channel_vacated private-b');

        $bob->join('presence-a', 8)->subscribe('private-b');
        $this->awaitEvent('member_added presence-a 8');
        $this->awaitEvent('channel_occupied private-b', times: 2);

        $this->assertSame(
            [
                'channel_occupied presence-a', 'member_added presence-a 7', 'member_removed presence-a 7',
                'channel_vacated presence-a', 'channel_occupied presence-a', 'member_added presence-a 8',
            ],
            $this->eventsOf('presence-a'),
        );
        $this->assertSame(
            ['channel_occupied private-b', 'channel_vacated private-b', 'channel_occupied private-b'],
            $this->eventsOf('private-b'),
        );
    }

    public function test_a_refused_subscription_is_not_reported(): void
    {
        $server = $this->serve();
        [$eve, $ann] = [$server->connect(), $server->connect()];

        $eve->send('pusher:subscribe', null, ['channel' => 'private-room', 'auth' => 'key-1:forged']);
        $this->assertNotSame([], $eve->received('pusher:error'));
        $eve->close();
        $ann->subscribe('private-room');
        $ann->close();

        $this->assertEvents(['channel_occupied private-room', 'channel_vacated private-room']);
    }

    public function test_equal_channel_names_of_two_applications_are_separate(): void
    {
        $server = $this->serve(
            ['endpoints' => [$this->endpoint('/one', ['app_id' => '1']), $this->endpoint('/two', ['app_id' => '2'])]],
            [TestApplication::app('1'), TestApplication::app('2')],
        );

        [$ann, $bob] = [$server->connect('key-1'), $server->connect('key-2')];
        $ann->join('presence-room', 7);
        $bob->join('presence-room', 7);
        $ann->close();

        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7',
            'member_removed presence-room 7', 'channel_vacated presence-room',
        ], '/one');

        $bob->whisper('presence-room', 'client-end');
        $this->assertEvents([
            'channel_occupied presence-room', 'member_added presence-room 7', 'client_event presence-room 7 client-end',
        ], '/two');

        foreach (Receiver::shared()->requests($this->path('/two')) as $request) {
            $this->assertSame('key-2', $request['headers']['x-pusher-key']);
            $this->assertSame(hash_hmac('sha256', $request['body'], 'secret-2'), $request['headers']['x-pusher-signature']);
        }
    }

    #[DataProvider('hostileNames')]
    public function test_a_channel_may_have_any_name(string $channel): void
    {
        $ann = $this->serve()->connect();

        $ann->subscribe($channel);
        $ann->close();

        $this->assertEvents(["channel_occupied {$channel}", "channel_vacated {$channel}"]);
    }

    /**
     * @return iterable<string, array{0: string}>
     */
    public static function hostileNames(): iterable
    {
        yield 'a glob' => ['*'];
        yield 'a pattern' => ['a?[x]'];
        yield 'colons' => ['a:b:{c}'];
        yield 'digits' => ['123'];
        yield 'a line break' => ["a\r\nb"];
        yield 'a zero byte' => ["a\0b"];
        yield 'quotes' => ['"\'\\ --]]'];
        yield 'beyond the first plane' => ['🐈‍⬛/ünïcode'];
        yield 'ten thousand bytes' => [str_repeat('long', 2500)];
    }
}
