<?php

declare(strict_types=1);

namespace Demo\Check;

use Demo\Script\Event;

/**
 * Holds what arrives against what the script says, and keeps the score.
 */
final class Checker
{
    private int $expected = 0;

    private int $badSignatures = 0;

    private int $resent = 0;

    /**
     * @var array<string, list<Event>> identity => those of the current step that have not arrived yet
     */
    private array $pending = [];

    /**
     * @var array<string, true> identities that have arrived as expected
     */
    private array $known = [];

    /**
     * @var array<string, true> ids of the webhooks that have arrived
     */
    private array $webhooks = [];

    /**
     * @var array<string, list<Event>> judgement => events, for all but the expected
     */
    private array $faults = [];

    /**
     * The events of the next step are due from now on.
     *
     * @param  list<Event>  $events
     */
    public function expect(array $events): void
    {
        foreach ($events as $event) {
            $this->pending[$event->identity()][] = $event;
            $this->expected++;
        }
    }

    /**
     * Whether a webhook is to be read. One that was sent again, because the answer to it was lost,
     * is known by its id and no fault: that is the promise of at-least-once.
     */
    public function receives(?string $id, bool $genuine): bool
    {
        if (! $genuine) {
            $this->badSignatures++;

            return false;
        }

        if ($id !== null && isset($this->webhooks[$id])) {
            $this->resent++;

            return false;
        }

        $this->webhooks[$id ?? ''] = true;

        return true;
    }

    /**
     * Tick the event off, or write down what is wrong with it.
     */
    public function judge(Event $event): Judgement
    {
        $judgement = $this->judgementOf($event);

        if ($judgement !== Judgement::Expected) {
            $this->faults[$judgement->value][] = $event;
        }

        return $judgement;
    }

    /**
     * How many events of the steps so far have not arrived.
     */
    public function missing(): int
    {
        return array_sum(array_map(count(...), $this->pending));
    }

    /**
     * Whether everything was as the script says.
     */
    public function passed(): bool
    {
        return $this->missing() === 0 && $this->badSignatures === 0 && $this->faults === [];
    }

    /**
     * The line that ends the demo.
     */
    public function summary(int $nodes, int $connections): string
    {
        return sprintf(
            'demo: %d nodes, %d connections, %d events, %d missing, %d duplicate, %d bad signatures',
            $nodes, $connections, $this->expected, $this->missing(),
            count($this->faults[Judgement::Duplicate->value] ?? []), $this->badSignatures,
        );
    }

    /**
     * What the line that ends the demo has no word for, and each fault by name.
     *
     * @return list<string>
     */
    public function remarks(): array
    {
        $remarks = $this->resent > 0 ? ["{$this->resent} webhooks were sent again"] : [];

        foreach ($this->pending as $events) {
            foreach ($events as $event) {
                $remarks[] = "missing: {$event->identity()}";
            }
        }

        foreach ($this->faults as $judgement => $events) {
            foreach ($events as $event) {
                $remarks[] = "{$judgement}: {$event->identity()}";
            }
        }

        return $remarks;
    }

    private function judgementOf(Event $event): Judgement
    {
        $identity = $event->identity();

        if (! isset($this->pending[$identity])) {
            return isset($this->known[$identity]) ? Judgement::Duplicate : Judgement::Unexpected;
        }

        array_pop($this->pending[$identity]);

        if ($this->pending[$identity] === []) {
            unset($this->pending[$identity]);
        }

        $this->known[$identity] = true;

        return $this->isEarly($event) ? Judgement::OutOfOrder : Judgement::Expected;
    }

    /**
     * Whether an event that belongs before this one has not arrived yet.
     */
    private function isEarly(Event $event): bool
    {
        return array_any(
            $this->pending,
            fn (array $events) => array_any($events, fn (Event $pending) => $pending->precedes($event)),
        );
    }
}
