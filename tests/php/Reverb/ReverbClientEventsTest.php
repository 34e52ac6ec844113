<?php

declare(strict_types=1);

namespace Tests\Reverb;

use PHPUnit\Framework\Attributes\Group;
use PHPUnit\Framework\Attributes\TestWith;
use Tests\PluginTestCase;
use Tests\Support\Node;
use Tests\Support\Receiver;
use Tests\Support\TestApplication;

/**
 * A client event is published if Reverb relays it: compares the messages of the other member with those of the endpoint.
 */
#[Group('reverb')]
final class ReverbClientEventsTest extends PluginTestCase
{
    private Node $node;

    #[TestWith(['private-room'])]
    #[TestWith(['presence-room'])]
    #[TestWith(['room'])]
    public function test_a_member_sends_client_events_on_any_channel(string $channel): void
    {
        $this->meet($channel);
        $this->node->command('ann', 'whisper', $channel, 'client-typing', ['at' => 1.0]);

        $this->assertRelayed(1);
        $this->assertPublished(["client_event {$channel}".($channel === 'presence-room' ? ' 1' : '').' client-typing']);
    }

    public function test_data_arrives_as_the_client_wrote_it(): void
    {
        $this->meet('private-room');
        $this->node->command('ann', 'raw', '{"event":"\u0063lient\u002dtyping", "channel":"private-room", "data": {"a":{}, "n":12345678901234567890}}');

        $this->assertPublished(['client_event private-room client-typing']);
        $this->assertSame('{"a":{}, "n":12345678901234567890}', Receiver::shared()->events($this->path())[0]['data']);
    }

    public function test_what_is_not_relayed_is_not_published(): void
    {
        $this->meet('private-room');
        $this->node->connect('eve');
        $this->node->command('eve', 'whisper', 'private-room', 'client-evil', ['by' => 'eve']);
        $this->node->command('ann', 'whisper', 'private-room', 'typing', []);
        $this->node->command('ann', 'whisper', 'private-room', 'client-scalar', 'text');
        $this->node->command('ann', 'send', 'client-nowhere', null, []);
        $this->node->command('ann', 'send', 'client-elsewhere', ['private-room'], []);
        $this->node->command('ann', 'unsubscribe', 'private-room');
        $this->node->command('ann', 'whisper', 'private-room', 'client-gone', []);
        $this->node->command('bob', 'whisper', 'private-room', 'client-last', []);

        $this->assertRelayed(0);
        $this->assertPublished(['client_event private-room client-last']);
    }

    public function test_an_application_without_client_events_has_none(): void
    {
        $this->meet('private-room', 'none');
        $this->node->command('ann', 'whisper', 'private-room', 'client-typing', []);

        $this->assertRelayed(0);
        $this->assertPublished([]);
    }

    public function test_if_all_may_send_only_client_events_of_members_are_published_with_a_warning(): void
    {
        $this->meet('private-room', 'all');
        $this->node->connect('eve');
        $this->node->command('eve', 'whisper', 'private-room', 'client-from-outside', []);
        $this->node->command('ann', 'whisper', 'private-room', 'client-typing', []);

        $this->assertRelayed(2);
        $this->assertCount(1, preg_grep(
            '/WARNING: .*application 1 accepts client events from all: Reverb also relays those of clients outside the channel/',
            $this->assertPublished(['client_event private-room client-typing']),
        ));
    }

    #[TestWith(['all', ['client-typing']])]
    #[TestWith(['members', ['client-evil', 'client-gone', 'client-typing']])]
    public function test_an_event_for_several_channels_is_published_where_only_its_channel_counts(string $acceptFrom, array $published): void
    {
        $this->meet('private-room', $acceptFrom);

        foreach (['client-evil' => '["elsewhere"]', 'client-gone' => '[]', 'client-typing' => 'null'] as $name => $channels) {
            $this->node->command('ann', 'raw', '{"event":"'.$name.'","channel":"private-room","channels":'.$channels.',"data":{}}');
        }

        $this->assertRelayed(count($published));
        $this->assertPublished(array_map(fn (string $name) => "client_event private-room {$name}", $published));
    }

    /**
     * Reverb looks up the sender in the application that its channel manager used last.
     */
    public function test_with_two_applications_the_endpoint_gets_what_the_members_get(): void
    {
        $this->meet('private-room', apps: [TestApplication::app('1'), TestApplication::app('2')]);
        $this->node->connect('other', 'key-2');

        $this->node->command('other', 'subscribe', 'private-other');
        $this->node->command('ann', 'whisper', 'private-room', 'client-lost', []);
        $this->node->command('bob', 'subscribe', 'private-more');
        $this->node->command('ann', 'whisper', 'private-room', 'client-found', []);

        $this->assertRelayed(1);
        $this->assertPublished(['client_event private-room client-found']);
    }

    /**
     * Start a server with two members on a channel.
     *
     * @param  list<array<string, mixed>>  $apps
     */
    private function meet(string $channel, string $acceptFrom = 'members', array $apps = []): void
    {
        $this->node = $this->reverb(['endpoints' => [$this->endpoint(more: ['events' => ['client_event']])]], $apps ?: [TestApplication::app('1', $acceptFrom)]);

        foreach (['ann', 'bob'] as $user => $client) {
            $this->node->connect($client);
            $this->node->command($client, 'subscribe', $channel, str_starts_with($channel, 'presence-') ? ['user_id' => $user + 1] : null);
        }
    }

    /**
     * Assert the number of client events that the second member has received.
     */
    private function assertRelayed(int $times): void
    {
        $received = ['client-typing', 'client-evil', 'client-gone', 'client-from-outside', 'client-lost', 'client-found', 'client-scalar'];

        $this->assertSame($times, array_sum(array_map(fn (string $event) => count($this->node->command('bob', 'received', $event)), $received)));
    }

    /**
     * Assert the events that were published by the end of the node, and return its log.
     *
     * @param  list<string>  $expected
     * @return list<string>
     */
    private function assertPublished(array $expected): array
    {
        $log = $this->node->stop();

        $expected === [] || $this->awaitEvent(end($expected));
        $this->assertSame($expected, $this->events());

        return $log;
    }
}
