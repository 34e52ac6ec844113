<?php

declare(strict_types=1);

namespace Demo\Node;

use Demo\Lines;

/**
 * The line from a node to the demo: descriptor 3, one JSON object a line.
 */
final class Reports
{
    public const int DESCRIPTOR = 3;

    /**
     * @var resource|null
     */
    private static mixed $stream = null;

    /**
     * Say that a hook of a socket is through, here and now.
     */
    public static function hook(string $hook, string $of, ?string $channel = null, ?string $socket = null): void
    {
        self::$stream ??= fopen('php://fd/'.self::DESCRIPTOR, 'w');

        Lines::say(self::$stream, compact('hook', 'of', 'channel', 'socket') + ['at' => microtime(true)]);
    }
}
