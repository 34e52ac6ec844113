<?php

declare(strict_types=1);

namespace Demo\Driver;

use Demo\Process\Node;
use Demo\Script\Action;
use Demo\Script\Tab;

/**
 * Brings what the script says to the nodes. The same script plays on every driver.
 */
interface Driver
{
    /**
     * What serves, and who its clients are.
     */
    public function describe(): string;

    /**
     * Wait until the node can be connected to.
     */
    public function awaitReady(Node $node): void;

    /**
     * Connect a tab.
     *
     * @return string its socket id
     */
    public function open(Node $node, Tab $tab): string;

    /**
     * Send what a connected tab does; the node's hooks tell when it has happened.
     */
    public function perform(Node $node, Action $action): void;
}
