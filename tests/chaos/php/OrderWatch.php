<?php

declare(strict_types=1);

namespace Tests\Chaos;

/**
 * A view of how many orders Redis has decided.
 */
final class OrderWatch
{
    /**
     * Undecided orders: the number of each, and the number of intents after it.
     *
     * @var list<array{0: int, 1: int}>
     */
    private array $waiting = [];

    private int $intents = 0;

    public function __construct(private readonly WatchedNode $node) {}

    /**
     * Record an order, which became some intents.
     */
    public function recordOrder(int $order, int $intents): void
    {
        $this->waiting[] = [$order, ($this->intents += $intents) + $this->node->counting->intents];
    }

    /**
     * Print the last order that Redis has decided, if there is a new one.
     *
     * The log is read first, so that a line about the node's own reaping comes before later decisions.
     */
    public function printDecided(): void
    {
        $this->node->reporter->poll();

        // One order at a time: the number of intents was read before the number of claims.
        ['intents' => $taken, 'pending_claims' => $pending_claims] = $this->node->engine->stats();
        $decided = null;

        while ($pending_claims === 0 && $this->waiting !== [] && $this->waiting[0][1] <= $taken) {
            [$decided] = array_shift($this->waiting);
        }

        if ($decided !== null) {
            echo "decided {$decided}\n";
        }
    }

    /**
     * Print the number of undecided intents and claims.
     */
    public function printLeft(): void
    {
        ['queued_intents' => $intents, 'pending_claims' => $pending_claims] = $this->node->engine->stats();

        echo 'left '.($intents + $pending_claims)."\n";
    }
}
