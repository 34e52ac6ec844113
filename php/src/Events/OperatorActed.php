<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Events;

use Illuminate\Foundation\Events\Dispatchable;

/**
 * An operator performed an operation by a command, the dashboard or code. Listen to it for an audit trail.
 */
class OperatorActed
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  Operation  $operation  The operation.
     * @param  list<string>  $ids  The IDs of endpoints or dead letters, or the former identity; empty for `retry all` and `flush`.
     * @param  int  $count  The number of these that it changed.
     * @param  string|null  $by  The ID of the authenticated user, or `user@host` on the console; null for a guest.
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
