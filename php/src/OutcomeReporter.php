<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks;

use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Support\Facades\Log;
use Throwable;
use Webpatser\ResonateWebhooks\Events\EndpointDisabled;
use Webpatser\ResonateWebhooks\Events\EndpointFailing;
use Webpatser\ResonateWebhooks\Events\EndpointRecovered;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Events\WebhookDropped;
use Webpatser\ResonateWebhooks\Native\Engine;

/**
 * Turns what happened on the engine's threads into Laravel events and log lines.
 */
class OutcomeReporter
{
    /**
     * How long one pump may take, in nanoseconds; a slow listener can only overrun it by one batch.
     */
    protected const int SLICE = 5_000_000;

    /**
     * How many outcomes are fetched at a time.
     */
    protected const int BATCH = 64;

    /**
     * Whether a pump is under way: a listener may suspend its fiber, and the tick comes round again.
     */
    protected bool $pumping = false;

    /**
     * Create a new outcome reporter.
     */
    public function __construct(protected Engine $engine)
    {
        //
    }

    /**
     * Report outcomes for one slice of time.
     */
    public function pump(): void
    {
        if ($this->pumping) {
            return;
        }

        $this->pumping = true;

        try {
            $end = hrtime(true) + static::SLICE;

            while ($this->reportBatch() && hrtime(true) < $end);
        } finally {
            $this->pumping = false;
        }
    }

    /**
     * Report every outcome there is.
     */
    public function drain(): void
    {
        while ($this->reportBatch());
    }

    /**
     * Report one batch, and tell whether more may be waiting.
     */
    protected function reportBatch(): bool
    {
        $outcomes = $this->engine->poll(static::BATCH);

        foreach ($outcomes as $outcome) {
            try {
                $this->report($outcome);
            } catch (Throwable $e) {
                // A listener that throws must not cost the others their events.
                app(ExceptionHandler::class)->report($e);
            }
        }

        return count($outcomes) === static::BATCH;
    }

    /**
     * Report one outcome; a kind that only a newer engine knows is passed over.
     *
     * @param  array{type: string, url?: string, status?: int, app_id?: string, attempts?: int, reason?: string, endpoint?: string, seconds?: int, level?: string, message?: string}  $outcome
     */
    protected function report(array $outcome): void
    {
        match ($outcome['type']) {
            'delivered' => WebhookDelivered::dispatch(
                $outcome['url'], $outcome['status'], $outcome['app_id'], $outcome['attempts'],
            ),
            'dropped' => WebhookDropped::dispatch(
                $outcome['url'], $outcome['app_id'], $outcome['attempts'], $outcome['reason'],
            ),
            'endpoint_disabled' => EndpointDisabled::dispatch($outcome['url'], $outcome['reason'], $outcome['endpoint']),
            'endpoint_failing' => EndpointFailing::dispatch(
                $outcome['url'], $outcome['reason'], $outcome['seconds'], $outcome['endpoint'],
            ),
            'endpoint_recovered' => EndpointRecovered::dispatch($outcome['url'], $outcome['seconds'], $outcome['endpoint']),
            'log' => Log::log($outcome['level'], 'Resonate webhooks: '.$outcome['message']),
            default => null,
        };
    }
}
