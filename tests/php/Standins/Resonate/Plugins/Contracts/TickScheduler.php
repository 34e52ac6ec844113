<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins\Contracts;

interface TickScheduler
{
    /**
     * @return array<int, array{interval: float, callback: callable(): void}>
     */
    public function ticks(): array;
}
