<?php

declare(strict_types=1);

namespace Tests\Demo;

require_once dirname(__DIR__, 3).'/examples/demo/autoload.php';

use Demo\Script\Action;
use Demo\Script\Crowd;
use Demo\Script\Event;
use Demo\Script\Ledger;
use Demo\Script\Step;
use Demo\Script\Verb;
use PHPUnit\Framework\Attributes\TestWith;
use PHPUnit\Framework\TestCase;

final class CrowdTest extends TestCase
{
    public function test_the_same_seed_writes_the_same_script(): void
    {
        $this->assertEquals(Crowd::script(5), Crowd::script(5));
        $this->assertNotEquals(Crowd::script(5), Crowd::script(6));
    }

    #[TestWith([1])]
    #[TestWith([2])]
    #[TestWith([3])]
    #[TestWith([4])]
    public function test_the_events_of_a_step_do_not_depend_on_which_tab_is_served_first(int $seed): void
    {
        $ledger = new Ledger;

        foreach (Crowd::script($seed)->steps as $step) {
            $tabs = array_reverse(array_values(Step::byTab($step->actions)));
            $reversed = new Step($step->caption, array_merge(...$tabs), $step->rollCall);
            $other = clone $ledger;

            $this->assertEqualsCanonicalizing(
                self::identities($ledger->play($step)), self::identities($other->play($reversed)), $step->caption,
            );
        }
    }

    #[TestWith([1])]
    #[TestWith([2])]
    #[TestWith([3])]
    #[TestWith([4])]
    public function test_every_node_that_somebody_came_to_answers_the_roll_call(int $seed): void
    {
        foreach (Crowd::script($seed)->steps as $step) {
            $arrivals = array_filter($step->actions, fn (Action $action) => $action->verb === Verb::Subscribe);

            $this->assertEqualsCanonicalizing(self::nodes($arrivals), self::nodes($step->rollCall), $step->caption);
        }
    }

    #[TestWith([1])]
    #[TestWith([2])]
    #[TestWith([3])]
    #[TestWith([4])]
    public function test_everybody_who_comes_goes(int $seed): void
    {
        $ledger = new Ledger;
        $count = [];

        foreach (Crowd::script($seed)->steps as $step) {
            foreach ($ledger->play($step) as $event) {
                $count[$event->name] = ($count[$event->name] ?? 0) + 1;
            }
        }

        $this->assertSame($count['channel_occupied'], $count['channel_vacated']);
        $this->assertSame($count['member_added'], $count['member_removed']);
    }

    /**
     * @param  list<Event>  $events
     * @return list<string>
     */
    private static function identities(array $events): array
    {
        return array_map(fn (Event $event) => $event->identity(), $events);
    }

    /**
     * @param  array<Action>  $actions
     * @return list<int>
     */
    private static function nodes(array $actions): array
    {
        return array_values(array_unique(array_map(fn (Action $action) => $action->tab->node, $actions)));
    }
}
