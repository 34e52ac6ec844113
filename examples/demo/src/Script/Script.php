<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * A whole evening of steps.
 */
final readonly class Script
{
    /**
     * @param  list<Step>  $steps
     */
    public function __construct(public array $steps) {}

    /**
     * How many tabs connect in all.
     */
    public function connections(): int
    {
        $opens = fn (Action $action) => $action->verb === Verb::Open;

        return count(array_filter(
            array_merge(...array_map(fn (Step $step) => $step->actions, $this->steps)),
            $opens,
        ));
    }

    /**
     * How many nodes the tabs connect to.
     */
    public function nodes(): int
    {
        $nodes = [];

        foreach ($this->steps as $step) {
            foreach ($step->actions as $action) {
                $nodes[$action->tab->node] = true;
            }
        }

        return count($nodes);
    }
}
