<?php

declare(strict_types=1);

namespace Demo\Script;

/**
 * One browser tab: one connection of one user to one node.
 */
final readonly class Tab
{
    /**
     * A user id may be a number, as Laravel's are, or a string.
     */
    public function __construct(
        public string $name,
        public string $app,
        public int $node,
        public int|string $user,
    ) {}
}
