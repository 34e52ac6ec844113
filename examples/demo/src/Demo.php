<?php

declare(strict_types=1);

namespace Demo;

use Demo\Check\Checker;
use Demo\Driver\Driver;
use Demo\Driver\ResonateDriver;
use Demo\Driver\StandinDriver;
use Demo\Node\ResonateServer;
use Demo\Node\Settings;
use Demo\Process\Children;
use Demo\Process\Fibers;
use Demo\Process\Node;
use Demo\Process\Receiver;
use Demo\Process\Redis;
use Demo\Script\Crowd;
use Demo\Script\Event;
use Demo\Script\Ledger;
use Demo\Script\Step;
use RuntimeException;
use Tests\Support\FreePort;

/**
 * Two nodes, a crowd that comes, whispers and goes, and a backend that must hear of it: nothing
 * twice, nothing never, nothing unsigned.
 */
final class Demo
{
    /**
     * How long the events of one step may take, the death of a node included.
     */
    private const float PATIENCE = 15.0;

    /**
     * How long to listen at the end for what should not come.
     */
    private const float SILENCE = 1.0;

    private readonly Driver $driver;

    private readonly HookTimes $times;

    private readonly Checker $checker;

    /**
     * @var array<string, string> app key => app id
     */
    private readonly array $appOfKey;

    private Stage $stage;

    /**
     * @param  string  $folder  an empty folder for everything that the programs write
     * @param  string|null  $endpoint  the spectator's own receiver
     */
    public function __construct(
        private readonly Screen $screen,
        private readonly Children $children,
        private readonly string $folder,
        private readonly ?string $endpoint,
    ) {
        $this->driver = ResonateServer::isInstalled() ? new ResonateDriver : new StandinDriver;
        $this->times = new HookTimes;
        $this->checker = new Checker;
    }

    /**
     * Start everything, play the script of a seed, and check what arrived.
     */
    public function run(int $seed): bool
    {
        $script = Crowd::script($seed);
        $ledger = new Ledger;

        $this->screen->started('script', "seed {$seed}: {$script->connections()} connections to {$script->nodes()} nodes");
        $this->start();

        $inTime = array_all($script->steps, fn (Step $step) => $this->play($step, $ledger->play($step)));

        if ($inTime) {
            Fibers::sleep(self::SILENCE);
        }

        $summary = $this->checker->summary($script->nodes(), $script->connections());

        if ($this->checker->passed()) {
            $this->screen->success($summary, $this->checker->remarks());
        } else {
            $this->screen->failure($summary, $this->children->lastWords(), $this->checker->remarks());
        }

        return $this->checker->passed();
    }

    /**
     * Redis, the receiver, the nodes.
     */
    private function start(): void
    {
        $redis = Redis::start($this->folder);
        $this->children->add($redis->process);
        $this->screen->started('redis', "port {$redis->port}, pid {$redis->process->pid}");

        $apps = array_map(fn (string $id) => new App($id), Crowd::APPS);
        $this->appOfKey = array_column($apps, 'id', 'key');
        $receiver = Receiver::start($apps, $this->folder, $this->arrived(...));
        $this->children->add($receiver->process);
        $this->screen->started('receiver', "{$receiver->url()}, pid {$receiver->process->pid}, Python's own HMAC");

        if ($this->endpoint !== null) {
            $this->screen->started('endpoint', "{$this->endpoint} gets every webhook too");
        }

        $nodes = [];

        foreach (Crowd::NODES as $number) {
            $nodes[$number] = $this->startNode($number, $redis, $receiver);
        }

        foreach ($nodes as $number => $node) {
            $this->driver->awaitReady($node);
            $this->screen->started("node {$number}", "pid {$node->process->pid}");
        }

        $this->screen->started('served by', $this->driver->describe());
        $this->stage = new Stage($this->driver, $nodes, $this->times);
    }

    private function startNode(int $number, Redis $redis, Receiver $receiver): Node
    {
        $node = Node::start($number, new Settings(
            "{$this->folder}/laravel-{$number}",
            FreePort::find(),
            $redis->port,
            Crowd::APPS,
            array_values(array_filter([$receiver->url(), $this->endpoint])),
        ), $this->folder);
        $this->children->add($node->process);

        return $node;
    }

    /**
     * @param  list<Event>  $events  what it must cause
     * @return bool whether all of it arrived in time
     */
    private function play(Step $step, array $events): bool
    {
        $this->screen->step($step->caption);
        $this->checker->expect($events);
        $this->stage->play($step);

        $inTime = Fibers::until(fn () => $this->checker->missing() === 0, self::PATIENCE);

        if (($dead = $this->children->firstDead()) !== null) {
            throw new RuntimeException("{$dead->name} has ended");
        }

        return $inTime;
    }

    /**
     * Check and show a webhook.
     *
     * @param  array{key: string, id: ?string, genuine: bool, arrived_at: float, events: list<array<string, string>>}  $webhook
     */
    private function arrived(array $webhook): void
    {
        if (! $webhook['genuine']) {
            $this->screen->forgery($webhook['arrived_at'], $webhook['key']);
        }

        if (! $this->checker->receives($webhook['id'], $webhook['genuine'])) {
            return;
        }

        foreach ($webhook['events'] as $wire) {
            $event = Event::fromWire($this->appOfKey[$webhook['key']], $wire, $this->stage->tabs());
            $since = $this->times->since($event);

            $this->screen->event(
                $event,
                $since === null ? null : $webhook['arrived_at'] - $since,
                $webhook['arrived_at'],
                $this->checker->judge($event),
            );
        }
    }
}
