<?php

declare(strict_types=1);

namespace Demo;

use Demo\Driver\Driver;
use Demo\Process\Fibers;
use Demo\Process\Node;
use Demo\Script\Action;
use Demo\Script\Step;
use Demo\Script\Verb;

/**
 * Plays the steps of the script on the nodes.
 */
final class Stage
{
    /**
     * @var array<string, string> tab => socket id
     */
    private array $sockets = [];

    /**
     * @param  array<int, Node>  $nodes  by their number in the script
     */
    public function __construct(
        private readonly Driver $driver,
        private readonly array $nodes,
        private readonly HookTimes $times,
    ) {}

    /**
     * Let the tabs do what they do, all at the same time, then call the roll.
     *
     * When this returns, the plugin on each node has had the hook of every action, unless the node ends.
     */
    public function play(Step $step): void
    {
        $this->times->clear();

        if ($step->ending !== null) {
            $this->end($step);

            return;
        }

        foreach ([$step->actions, $step->rollCall] as $actions) {
            Fibers::all(array_map(
                fn (array $ofTab) => fn () => array_walk($ofTab, $this->perform(...)),
                Step::byTab($actions),
            ));
        }
    }

    /**
     * Whose sockets are whose.
     *
     * @return array<string, string> socket id => tab
     */
    public function tabs(): array
    {
        return array_flip($this->sockets);
    }

    private function end(Step $step): void
    {
        $this->nodes[$step->node]->process->end($step->ending->value);

        foreach ($step->actions as $action) {
            $this->times->note($action, microtime(true));
        }
    }

    private function perform(Action $action): void
    {
        $node = $this->nodes[$action->tab->node];
        $tab = $action->tab->name;

        if ($action->verb === Verb::Open) {
            $this->sockets[$tab] = $this->driver->open($node, $action->tab);
        } else {
            $this->driver->perform($node, $action);
        }

        $hook = $node->hooks->await($action->verb->value, $this->sockets[$tab], $action->channel);
        $this->times->note($action, $hook['at']);
    }
}
