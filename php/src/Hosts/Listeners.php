<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

use Closure;
use Illuminate\Contracts\Events\Dispatcher as DispatcherContract;
use Illuminate\Events\Dispatcher;

/**
 * Registers listeners before others.
 */
final class Listeners
{
    /**
     * Add a listener before all others, because a listener that returns false stops the event.
     */
    public static function prepend(DispatcherContract $events, string $event, Closure $listener): void
    {
        $others = [];

        if ($events instanceof Dispatcher) {
            $others = $events->getRawListeners()[$event] ?? [];
            $events->forget($event);
        }

        foreach ([$listener, ...$others] as $each) {
            $events->listen($event, $each);
        }
    }
}
