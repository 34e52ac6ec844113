<?php

declare(strict_types=1);

namespace Demo\Process;

/**
 * Every program the demo started, so that each is gone when the demo is.
 */
final class Children
{
    /**
     * @var list<ChildProcess>
     */
    private array $children = [];

    /**
     * Remember one.
     */
    public function add(ChildProcess $child): ChildProcess
    {
        return $this->children[] = $child;
    }

    /**
     * The first that has ended by itself, if any has.
     */
    public function firstDead(): ?ChildProcess
    {
        return array_find($this->children, fn (ChildProcess $child) => $child->hasDied());
    }

    /**
     * End them all, the latest first: nodes before the receiver and the Redis that they use.
     */
    public function stop(): void
    {
        foreach (array_reverse($this->children) as $child) {
            $child->end();
            $child->reap();
        }

        $this->children = [];
    }

    /**
     * What each printed last, for when something went wrong.
     *
     * @return array<string, string> by name of the program
     */
    public function lastWords(): array
    {
        $words = [];

        foreach ($this->children as $child) {
            $words[$child->name] = $child->lastWords();
        }

        return array_filter($words);
    }
}
