<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Closure;
use Throwable;
use Webpatser\ResonateWebhooks\Exceptions\WebhooksException;
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Starts the webhooks, and retries with growing pauses while a dependency is unavailable.
 */
final class Startup
{
    /**
     * The pause after the first attempt, and the longest one, in seconds.
     */
    private const int FIRST_PAUSE = 1;

    private const int LONGEST_PAUSE = 60;

    /**
     * The number of attempts so far.
     */
    private int $attempts = 0;

    /**
     * The time of the next attempt, by PHP's monotonic clock in nanoseconds.
     */
    private int $due = 0;

    /**
     * True during an attempt, since ticks may overlap.
     */
    private bool $trying = false;

    /**
     * The message of the last failure. Its trace is logged once.
     */
    private ?string $problem = null;

    /**
     * Create a new instance.
     *
     * @param  Closure(): void  $start
     */
    public function __construct(private readonly Closure $start)
    {
        //
    }

    /**
     * Start the webhooks, unless the next attempt is not due yet. Returns true if they have started.
     */
    public function attempt(): bool
    {
        if ($this->trying || hrtime(true) < $this->due) {
            return false;
        }

        $this->trying = true;
        $this->attempts++;

        try {
            ($this->start)();
        } catch (Throwable $e) {
            $this->postpone($e);

            return false;
        } finally {
            $this->trying = false;
        }

        if ($this->attempts > 1) {
            ServerLog::notice("Resonate webhooks have started, at attempt {$this->attempts}");
        }

        return true;
    }

    /**
     * Schedule the next attempt after twice the last pause, and report the failure.
     */
    private function postpone(Throwable $e): void
    {
        $pause = (int) min(self::FIRST_PAUSE * 2 ** ($this->attempts - 1), self::LONGEST_PAUSE);
        $this->due = hrtime(true) + $pause * 1_000_000_000;
        $known = $e instanceof WebhooksException || $this->problem === $e->getMessage();
        $this->problem = $e->getMessage();

        ServerLog::error(
            "Resonate webhooks have not started: {$this->problem}. No events are reported until they start; attempt {$this->attempts}, the next one is in {$pause} s",
            $known ? [] : ['exception' => $e],
        );
    }
}
