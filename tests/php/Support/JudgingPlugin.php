<?php

declare(strict_types=1);

namespace Tests\Support;

use Closure;
use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Plugins\Contracts\MessageInterceptor;
use Webpatser\Resonate\Plugins\Contracts\ServerPlugin;
use Webpatser\Resonate\Plugins\MessageDisposition;
use Webpatser\Resonate\Plugins\PluginContext;

/**
 * A plugin that decides on messages with a closure of the test.
 */
final class JudgingPlugin implements MessageInterceptor, ServerPlugin
{
    /**
     * The number of messages so far.
     */
    public int $seen = 0;

    /**
     * @param  Closure(Connection, array<string, mixed>): MessageDisposition  $judgement
     */
    public function __construct(private Closure $judgement) {}

    public function boot(PluginContext $context): void
    {
        //
    }

    public function onMessage(Connection $from, array $event): MessageDisposition
    {
        $this->seen++;

        return ($this->judgement)($from, $event);
    }
}
