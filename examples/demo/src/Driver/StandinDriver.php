<?php

declare(strict_types=1);

namespace Demo\Driver;

use Demo\App;
use Demo\Process\Node;
use Demo\Script\Action;
use Demo\Script\Tab;
use Demo\Script\Verb;

/**
 * Tells the stand-in server of a node what its clients do.
 */
final class StandinDriver implements Driver
{
    public function describe(): string
    {
        return 'a stand-in for Resonate in real PHP, Laravel and Revolt; clients without sockets';
    }

    public function awaitReady(Node $node): void
    {
        $node->hooks->await('ready', (string) $node->process->pid);
    }

    public function open(Node $node, Tab $tab): string
    {
        $node->process->tell(['verb' => Verb::Open, 'tab' => $tab->name, 'key' => new App($tab->app)->key]);

        return $node->hooks->await('connected', $tab->name)['socket'];
    }

    public function perform(Node $node, Action $action): void
    {
        $node->process->tell([
            'verb' => $action->verb,
            'tab' => $action->tab->name,
            'user' => $action->tab->user,
            'channel' => $action->channel,
            'event' => $action->event,
            'data' => $action->data,
        ]);
    }
}
