<?php

declare(strict_types=1);

namespace Tests\Demo;

require_once dirname(__DIR__, 3).'/examples/demo/autoload.php';

use Demo\Script\Action;
use Demo\Script\Event;
use Demo\Script\Ledger;
use Demo\Script\Step;
use Demo\Script\Tab;
use PHPUnit\Framework\TestCase;

final class LedgerTest extends TestCase
{
    private Ledger $ledger;

    protected function setUp(): void
    {
        $this->ledger = new Ledger;
    }

    public function test_a_second_tab_of_a_user_is_silent_until_the_last_one_closes(): void
    {
        [$first, $second] = [new Tab('first', 'plaza', 1, 7), new Tab('second', 'plaza', 2, '7')];

        $this->assertSame(
            ['channel_occupied presence-room', 'member_added presence-room 7'],
            $this->play(Action::subscribe($first, 'presence-room'), Action::subscribe($second, 'presence-room')),
        );
        $this->assertSame([], $this->play(Action::close($first)));
        $this->assertSame(
            ['member_removed presence-room 7', 'channel_vacated presence-room'],
            $this->play(Action::close($second)),
        );
    }

    public function test_channels_of_one_name_in_two_apps_are_two_channels(): void
    {
        $here = Action::subscribe(new Tab('here', 'plaza', 1, 7), 'room');
        $there = Action::subscribe(new Tab('there', 'harbour', 1, 7), 'room');

        $this->assertSame(['channel_occupied room', 'channel_occupied room'], $this->play($here, $there));
    }

    public function test_a_whisper_names_the_user_on_presence_channels_only(): void
    {
        $tab = new Tab('tab', 'plaza', 1, 7);
        $this->play(Action::subscribe($tab, 'presence-room'), Action::subscribe($tab, 'private-room'));

        $this->assertSame(
            ['client_event presence-room 7', 'client_event private-room'],
            $this->play(
                Action::whisper($tab, 'presence-room', 'client-hi', []),
                Action::whisper($tab, 'private-room', 'client-hi', []),
            ),
        );
    }

    public function test_a_tab_that_unsubscribed_leaves_nothing_behind_when_it_closes(): void
    {
        $tab = new Tab('tab', 'plaza', 1, 7);
        $this->play(Action::subscribe($tab, 'room'));

        $this->assertSame(['channel_vacated room'], $this->play(Action::unsubscribe($tab, 'room')));
        $this->assertSame([], $this->play(Action::close($tab)));
    }

    /**
     * @return list<string>
     */
    private function play(Action ...$actions): array
    {
        return array_map(
            fn (Event $event) => rtrim("{$event->name} {$event->channel} {$event->user}"),
            $this->ledger->play(new Step('', array_values($actions))),
        );
    }
}
