<?php

declare(strict_types=1);

namespace Tests;

use PHPUnit\Framework\Attributes\DataProvider;
use PHPUnit\Framework\TestCase;
use Tests\Support\FakeConnection;
use Webpatser\Resonate\Application;
use Webpatser\Resonate\Protocols\Pusher\Channels\ChannelConnection;
use Webpatser\ResonateWebhooks\PresenceUser;

final class PresenceUserTest extends TestCase
{
    #[DataProvider('members')]
    public function test_it_is_a_string_or_null(string $channel, array $channelData, ?string $expected): void
    {
        $connection = new FakeConnection(new Application('1', 'key', 'secret', 60, 30, ['*'], 10_000));

        $this->assertSame($expected, PresenceUser::idOn($channel, new ChannelConnection($connection, $channelData)));
    }

    /**
     * @return iterable<string, array{0: string, 1: array<string, mixed>, 2: string|null}>
     */
    public static function members(): iterable
    {
        yield 'a string' => ['presence-room', ['user_id' => 'ann'], 'ann'];
        yield 'a number' => ['presence-room', ['user_id' => 7], '7'];
        yield 'zero' => ['presence-room', ['user_id' => 0], '0'];
        yield 'a fraction' => ['presence-room', ['user_id' => 0.5], '0.5'];
        yield 'a cache channel' => ['presence-cache-room', ['user_id' => 7], '7'];
        yield 'nothing' => ['presence-room', [], null];
        yield 'null' => ['presence-room', ['user_id' => null], null];
        yield 'an empty string' => ['presence-room', ['user_id' => ''], null];
        yield 'false' => ['presence-room', ['user_id' => false], null];
        yield 'a list' => ['presence-room', ['user_id' => [7]], null];
        yield 'an object' => ['presence-room', ['user_id' => ['id' => 7]], null];
        yield 'a public channel' => ['room', ['user_id' => 7], null];
        yield 'a private channel' => ['private-room', ['user_id' => 7], null];
        yield 'a name that only resembles a presence channel' => ['presenceroom', ['user_id' => 7], null];
    }
}
