<?php

declare(strict_types=1);

namespace Demo;

use Demo\Script\Action;
use Demo\Script\Event;
use Demo\Script\Verb;

/**
 * When the hooks of the current step were through, and so since when an event was due.
 */
final class HookTimes
{
    /**
     * @var list<array{action: Action, at: float}>
     */
    private array $times = [];

    /**
     * Note that the node has had the hook of an action.
     */
    public function note(Action $action, float $at): void
    {
        $this->times[] = ['action' => $action, 'at' => $at];
    }

    /**
     * Forget the step before.
     */
    public function clear(): void
    {
        $this->times = [];
    }

    /**
     * The first arrival or the last departure that concerns the event is the one that caused it.
     */
    public function since(Event $event): ?float
    {
        $times = array_column(
            array_filter($this->times, fn (array $time) => self::concerns($time['action'], $event)), 'at',
        );

        return match (true) {
            $times === [] => null,
            in_array($event->name, ['member_removed', 'channel_vacated'], true) => max($times),
            default => min($times),
        };
    }

    private static function concerns(Action $action, Event $event): bool
    {
        $isOfUser = $event->user === null || (string) $action->tab->user === $event->user;

        return $action->tab->app === $event->app && $isOfUser && match ($action->verb) {
            Verb::Open => false,
            Verb::Subscribe => $action->channel === $event->channel
                && in_array($event->name, ['channel_occupied', 'member_added'], true),
            Verb::Whisper => $action->channel === $event->channel && $action->tab->name === $event->tab,
            Verb::Unsubscribe => $action->channel === $event->channel
                && in_array($event->name, ['member_removed', 'channel_vacated'], true),
            // Which channels the tab was on is not noted; all tabs of a step close within milliseconds.
            Verb::Close => in_array($event->name, ['member_removed', 'channel_vacated'], true),
        };
    }
}
