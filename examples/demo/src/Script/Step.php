<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * What many tabs do at the same time, and the roll call after it.
 *
 * Within a step either tabs arrive, or they leave, or they whisper: so the events that it causes do
 * not depend on which node was faster. The actions of one tab happen in their order.
 *
 * The next step begins when every event of this one has arrived. That alone would not do after an
 * arrival which causes no event, like a second tab's: if its first tab then left on another node,
 * the departure could overtake it on the way to Redis. So after arrivals a doorman of each node
 * concerned whispers. A node hands on what happened on it in order; when the whisper has arrived,
 * the arrivals before it count.
 */
final readonly class Step
{
    /**
     * @param  list<Action>  $actions
     * @param  list<Action>  $rollCall  begins when every action has reached its node
     * @param  int|null  $node  a node that ends, which closes the tabs in the actions
     */
    public function __construct(
        public string $caption,
        public array $actions,
        public array $rollCall = [],
        public ?int $node = null,
        public ?Ending $ending = null,
    ) {}

    /**
     * The actions by tab, in the order of each tab.
     *
     * @param  list<Action>  $actions
     * @return array<string, non-empty-list<Action>>
     */
    public static function byTab(array $actions): array
    {
        $byTab = [];

        foreach ($actions as $action) {
            $byTab[$action->tab->name][] = $action;
        }

        return $byTab;
    }
}
