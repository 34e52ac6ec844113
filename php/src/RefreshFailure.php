<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Logs why a refresh failed. Repeated failures with the same message are logged once.
 */
final class RefreshFailure
{
    /**
     * The message of the last failure, until a refresh succeeds.
     */
    private ?string $last = null;

    /**
     * Create a new instance.
     *
     * @param  string  $subject  The subject of the log line: `the endpoints`.
     */
    public function __construct(private readonly string $subject) {}

    /**
     * Log a failure, unless it has the message of the last one.
     */
    public function report(Throwable $e): void
    {
        if ($this->last !== $this->last = $e->getMessage()) {
            ServerLog::error(
                "Resonate webhooks: {$this->subject} stay as they are: ".$e->getMessage(),
                $e instanceof WebhooksException ? [] : ['exception' => $e],
            );
        }
    }

    /**
     * Forget the last failure.
     */
    public function clear(): void
    {
        $this->last = null;
    }
}
