<?php

declare(strict_types=1);

namespace Demo\Script;

use Random\Engine\Mt19937;
use Random\Randomizer;

/**
 * Writes the script of a crowd that comes, whispers and goes. The same seed, the same evening.
 */
final class Crowd
{
    public const array NODES = [1, 2];

    public const array APPS = ['plaza', 'harbour'];

    private const string LOBBY = 'private-lobby';

    private const string CHAT = 'presence-chat.42';

    /**
     * Both apps use all of these names; the last is one that a hostile client would choose.
     */
    private const array CHANNELS = [
        self::CHAT, 'presence-chat.7', 'private-orders.1', 'news', 'rates:*?[eur]',
    ];

    private const array USERS = [1, 2, 3, 5, 8, 13, 'ada', 'zoë'];

    private const array SAYINGS = ['hello', 'see https://example.com/a?b=c', 'grüß dich', '你好', '"quoted"'];

    private readonly Randomizer $random;

    /**
     * @var array<int, Tab> node => the one who answers its roll calls
     */
    private array $doormen = [];

    /**
     * @var array<string, array{tab: Tab, channels: list<string>}> the open tabs of the crowd, by name
     */
    private array $open = [];

    /**
     * @var array<string, int> "app.user" => tabs opened so far
     */
    private array $opened = [];

    private int $said = 0;

    private function __construct(int $seed)
    {
        $this->random = new Randomizer(new Mt19937($seed));
    }

    /**
     * A few scenes that show one rule each, among waves of a random crowd.
     */
    public static function script(int $seed, int $waves = 12): Script
    {
        $crowd = new self($seed);

        return new Script([
            $crowd->theDoormenCome(),
            ...$crowd->aUserComesOnBothNodesAtOnce(7),
            ...$crowd->wavesOfTheCrowd($waves),
            ...$crowd->theUserLeavesTabByTab(7),
            $crowd->someCome(),
            $crowd->aNodeEnds(2, Ending::Killed),
            $crowd->someGo(),
            $crowd->aNodeEnds(1, Ending::Stopped),
        ]);
    }

    /**
     * One for each node; they need no roll call but give the first one.
     */
    private function theDoormenCome(): Step
    {
        $arrivals = [];

        foreach (self::NODES as $node) {
            $doorman = $this->doormen[$node] = new Tab("doorman {$node}", self::APPS[0], $node, "doorman-{$node}");
            array_push($arrivals, Action::open($doorman), Action::subscribe($doorman, self::LOBBY));
        }

        return $this->arrivals('a doorman takes his place at each node', $arrivals);
    }

    /**
     * One `member_added` for two tabs at once, none for a third, and one more in the other app.
     *
     * @return list<Step>
     */
    private function aUserComesOnBothNodesAtOnce(int $user): array
    {
        [$here, $there] = self::NODES;
        [$app, $other] = self::APPS;

        return [
            $this->arrivals("user {$user} comes in on both nodes at the same time", [
                ...$this->arrive($app, $here, $user, [self::CHAT]),
                ...$this->arrive($app, $there, $user, [self::CHAT]),
            ]),
            $this->arrivals("user {$user} opens a second tab: nothing to tell", [
                ...$this->arrive($app, $here, $user, [self::CHAT]),
            ]),
            $this->arrivals("another user {$user} comes to the channel of that name in the other app", [
                ...$this->arrive($other, $there, $user, [self::CHAT]),
            ]),
        ];
    }

    /**
     * @return list<Step>
     */
    private function wavesOfTheCrowd(int $waves): array
    {
        $steps = [];

        for ($wave = 1; $wave <= $waves; $wave++) {
            array_push($steps, $this->someCome(), $this->someWhisper(), $this->someGo());
        }

        return $steps;
    }

    private function someCome(): Step
    {
        $arrivals = [];
        $count = $this->random->getInt(4, 8);

        for ($i = 0; $i < $count; $i++) {
            array_push($arrivals, ...$this->arrive(
                $this->oneOf(self::APPS),
                $this->oneOf(self::NODES),
                $this->oneOf(self::USERS),
                $this->someOf(self::CHANNELS, $this->random->getInt(1, 3)),
            ));
        }

        return $this->arrivals("{$count} tabs open at the same time", $arrivals);
    }

    private function someWhisper(): Step
    {
        $whispers = [];

        foreach ($this->someOf(array_values($this->open), $this->random->getInt(2, 5)) as ['tab' => $tab, 'channels' => $channels]) {
            foreach ($channels as $channel) {
                if (str_starts_with($channel, 'private-') || str_starts_with($channel, 'presence-')) {
                    $whispers[] = Action::whisper($tab, $channel, 'client-said', [
                        'number' => ++$this->said,
                        'words' => $this->oneOf(self::SAYINGS),
                    ]);
                }
            }
        }

        return new Step(count($whispers).' whispers', $whispers);
    }

    /**
     * Some tabs close, some leave one channel and stay. User 7 stays for the last scene.
     */
    private function someGo(): Step
    {
        $departures = [];
        $strangers = array_values(array_filter($this->open, fn (array $open) => $open['tab']->user !== 7));

        foreach ($this->someOf($strangers, $this->random->getInt(3, 6)) as ['tab' => $tab, 'channels' => $channels]) {
            $departures[] = count($channels) > 1 && $this->random->getInt(0, 1) === 0
                ? $this->leave($tab, $this->oneOf($channels))
                : $this->close($tab);
        }

        return new Step(count($departures).' tabs close or leave a channel at the same time', $departures);
    }

    /**
     * Only the last tab of the last node takes the member along.
     *
     * @return list<Step>
     */
    private function theUserLeavesTabByTab(int $user): array
    {
        $theirs = array_values(array_filter(
            $this->open,
            fn (array $open) => $open['tab']->user === $user && $open['tab']->app === self::APPS[0],
        ));

        return array_map(
            fn (array $open, int $i) => new Step(
                "user {$user} closes tab ".($i + 1).' of '.count($theirs),
                [$this->close($open['tab'])],
            ),
            $theirs,
            array_keys($theirs),
        );
    }

    /**
     * For a node that was killed, another one says goodbye when the lease has lapsed.
     */
    private function aNodeEnds(int $node, Ending $ending): Step
    {
        $lost = array_filter($this->open, fn (array $open) => $open['tab']->node === $node);
        $closing = array_map(fn (array $open) => $this->close($open['tab']), array_values($lost));
        $closing[] = Action::close($this->doormen[$node]);

        return new Step(
            "node {$node} is ".strtolower($ending->name).' with '.count($closing).' tabs on it',
            $closing,
            node: $node,
            ending: $ending,
        );
    }

    /**
     * A step of arrivals, with the roll call at each node that somebody arrived on.
     *
     * @param  list<Action>  $arrivals
     */
    private function arrivals(string $caption, array $arrivals): Step
    {
        $nodes = array_unique(array_map(fn (Action $action) => $action->tab->node, $arrivals));
        sort($nodes);

        return new Step($caption, $arrivals, array_map(
            fn (int $node) => Action::whisper(
                $this->doormen[$node], self::LOBBY, 'client-roll-call', ['number' => ++$this->said],
            ),
            $nodes,
        ));
    }

    /**
     * @param  list<string>  $channels
     * @return list<Action>
     */
    private function arrive(string $app, int $node, int|string $user, array $channels): array
    {
        $number = $this->opened["{$app}.{$user}"] = ($this->opened["{$app}.{$user}"] ?? 0) + 1;
        $tab = new Tab("{$app}: tab {$number} of user {$user}", $app, $node, $user);
        $this->open[$tab->name] = ['tab' => $tab, 'channels' => $channels];

        return [
            Action::open($tab),
            ...array_map(fn (string $channel) => Action::subscribe($tab, $channel), $channels),
        ];
    }

    private function leave(Tab $tab, string $channel): Action
    {
        $stays = array_diff($this->open[$tab->name]['channels'], [$channel]);
        $this->open[$tab->name]['channels'] = array_values($stays);

        return Action::unsubscribe($tab, $channel);
    }

    private function close(Tab $tab): Action
    {
        unset($this->open[$tab->name]);

        return Action::close($tab);
    }

    /**
     * @template T
     *
     * @param  non-empty-list<T>  $all
     * @return T
     */
    private function oneOf(array $all): mixed
    {
        return $all[$this->random->getInt(0, count($all) - 1)];
    }

    /**
     * @template T
     *
     * @param  list<T>  $all
     * @return list<T> at most $count of them, in random order
     */
    private function someOf(array $all, int $count): array
    {
        return array_slice($this->random->shuffleArray($all), 0, $count);
    }
}
