<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An operator changed something, by a command, the dashboard or code: the audit trail.
 */
class OperatorActed
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  Operation  $operation  What was done.
     * @param  list<string>  $ids  To what: endpoint ids, dead-letter ids, or the former identity; empty for `retry all` and `flush`.
     * @param  int  $count  How many of these it changed.
     * @param  string|null  $by  The id of the user who is logged in, or `user@host` on the console; null when nobody is.
     * @param  string  $via  `console` or `web`.
     */
    public function __construct(
        public Operation $operation,
        public array $ids,
        public int $count,
        public ?string $by,
        public string $via,
    ) {
        //
    }
}
