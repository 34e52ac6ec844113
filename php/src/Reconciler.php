<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Webpatser\Resonate\Plugins\PluginContext;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Shows the engine who is really connected, in slices too short for the event loop to notice.
 */
class Reconciler
{
    /**
     * How long one slice may take, in nanoseconds; it ends with the channel it is at.
     */
    protected const int SLICE = 2_000_000;

    /**
     * How many channels the engine names at a time.
     */
    protected const int PAGE = 128;

    /**
     * Channels the engine lost track of, answered before all others.
     *
     * @var list<array{0: string, 1: string}>
     */
    protected array $dirty = [];

    /**
     * Channels of the sweep under way.
     *
     * @var list<array{0: string, 1: string}>
     */
    protected array $page = [];

    /**
     * Where the sweep goes on, or null when none is under way.
     */
    protected ?int $cursor = null;

    /**
     * Create a new reconciler.
     */
    public function __construct(
        protected Engine $engine,
        protected PluginContext $context,
        protected AppDirectory $apps,
    ) {
        //
    }

    /**
     * Start a sweep over every channel this node serves, unless one is under way.
     */
    public function sweep(): void
    {
        $this->cursor ??= 0;
    }

    /**
     * Work on what is due for one slice of time.
     */
    public function advance(): void
    {
        $end = hrtime(true) + static::SLICE;

        if ($this->dirty === []) {
            $this->dirty = $this->engine->dirtyChannels();
        }

        while (($next = $this->next()) !== null) {
            $this->answer(...$next);

            if (hrtime(true) >= $end) {
                return;
            }
        }
    }

    /**
     * The channel to answer next.
     *
     * @return array{0: string, 1: string}|null
     */
    protected function next(): ?array
    {
        if ($this->dirty === [] && $this->page === [] && $this->cursor !== null) {
            [$cursor, $this->page] = $this->engine->channels($this->cursor, static::PAGE);

            // Nothing at the very beginning may also mean that the engine was busy: the next slice asks again.
            $begun = $this->cursor > 0 || $this->page !== [];
            $this->cursor = $cursor === 0 && $begun ? null : $cursor;
        }

        return array_pop($this->dirty) ?? array_pop($this->page);
    }

    /**
     * Tell the engine the sockets of one channel and their users.
     */
    protected function answer(string $appId, string $channel): void
    {
        $app = $this->apps->find($appId);

        if ($app === null) {
            return;
        }

        $sockets = [];

        foreach ($this->context->connectionsOn($app, $channel) as $socketId => $member) {
            $sockets[$socketId] = PresenceUser::idOn($channel, $member) ?? '';
        }

        $this->engine->reconcile($appId, $channel, $sockets);
    }

    /**
     * Keep what hangs on the context, secrets among it, out of dumps.
     *
     * @return array<string, mixed>
     */
    public function __debugInfo(): array
    {
        return ['dirty' => count($this->dirty), 'cursor' => $this->cursor];
    }
}
