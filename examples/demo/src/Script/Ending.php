<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * How a node ends with clients on it.
 */
enum Ending: int
{
    /**
     * As by a crash: nothing of the node runs any more.
     */
    case Killed = SIGKILL;

    /**
     * As by a deployment: the node may say goodbye.
     */
    case Stopped = SIGTERM;
}
