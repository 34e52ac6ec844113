<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * Who is on which channel, and so which events a step must cause: the whole of the rules in one page.
 */
final class Ledger
{
    /**
     * @var array<string, array<string, array<string, ?string>>> app => channel => tab => presence user
     */
    private array $present = [];

    /**
     * Let the step happen.
     *
     * @return list<Event> each exactly once, whatever the order in which the tabs were served
     */
    public function play(Step $step): array
    {
        $events = [];

        foreach ([...$step->actions, ...$step->rollCall] as $action) {
            array_push($events, ...match ($action->verb) {
                Verb::Open => [],
                Verb::Subscribe => $this->join($action->tab, $action->channel),
                Verb::Whisper => [$this->whisper($action)],
                Verb::Unsubscribe => $this->leave($action->tab, $action->channel),
                Verb::Close => $this->close($action->tab),
            });
        }

        return $events;
    }

    /**
     * The first tab makes the channel occupied, the first tab of a user adds the member.
     *
     * @return list<Event>
     */
    private function join(Tab $tab, string $channel): array
    {
        $present = $this->present[$tab->app][$channel] ?? [];
        $user = self::isPresence($channel) ? (string) $tab->user : null;
        $this->present[$tab->app][$channel][$tab->name] = $user;

        $events = [];

        if ($present === []) {
            $events[] = new Event($tab->app, 'channel_occupied', $channel);
        }

        if ($user !== null && ! in_array($user, $present, true)) {
            $events[] = new Event($tab->app, 'member_added', $channel, $user);
        }

        return $events;
    }

    /**
     * The last tab of a user removes the member, the last tab vacates the channel.
     *
     * @return list<Event>
     */
    private function leave(Tab $tab, string $channel): array
    {
        $user = $this->present[$tab->app][$channel][$tab->name];
        unset($this->present[$tab->app][$channel][$tab->name]);
        $present = $this->present[$tab->app][$channel];

        $events = [];

        if ($user !== null && ! in_array($user, $present, true)) {
            $events[] = new Event($tab->app, 'member_removed', $channel, $user);
        }

        if ($present === []) {
            $events[] = new Event($tab->app, 'channel_vacated', $channel);
        }

        return $events;
    }

    /**
     * A tab that closes leaves whatever it was on.
     *
     * @return list<Event>
     */
    private function close(Tab $tab): array
    {
        $events = [];

        foreach ($this->present[$tab->app] as $channel => $present) {
            if (array_key_exists($tab->name, $present)) {
                array_push($events, ...$this->leave($tab, $channel));
            }
        }

        return $events;
    }

    /**
     * Every whisper is an event; on a presence channel it names the user.
     */
    private function whisper(Action $whisper): Event
    {
        return new Event(
            $whisper->tab->app,
            'client_event',
            $whisper->channel,
            $this->present[$whisper->tab->app][$whisper->channel][$whisper->tab->name],
            $whisper->event,
            Event::canonical($whisper->data),
            $whisper->tab->name,
        );
    }

    private static function isPresence(string $channel): bool
    {
        return str_starts_with($channel, 'presence-');
    }
}
