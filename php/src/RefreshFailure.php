<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;

/**
 * Logs why something could not be refreshed: once, however often it fails in the same way.
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
     * @param  string  $subject  What is refreshed: `the endpoints`.
     */
    public function __construct(private readonly string $subject) {}

    /**
     * Log a failure, unless it is that of the last time.
     */
    public function report(Throwable $e): void
    {
        if ($this->last !== $this->last = $e->getMessage()) {
            Log::error(
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
