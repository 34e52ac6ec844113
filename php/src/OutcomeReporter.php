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
use Webpatser\ResonateWebhooks\Support\ServerLog;

/**
 * Turns the outcomes of the engine's threads into Laravel events and log lines.
 */
class OutcomeReporter
{
    /**
     * The time for one poll, in nanoseconds. Only the last listener or log channel can exceed it.
     */
    protected const int SLICE = 5_000_000;

    /**
     * The pause after a poll that exceeded its time, as a multiple of its duration: slow listeners get a fifth of the time.
     */
    protected const int PAUSE_FACTOR = 4;

    /**
     * The longest pause, in nanoseconds. A listener that seems slow may only have suspended its fiber.
     */
    protected const int LONGEST_PAUSE = 10_000_000_000;

    /**
     * True during a poll. While a listener suspends its fiber, the next tick runs.
     */
    protected bool $polling = false;

    /**
     * True if the last poll left outcomes.
     */
    protected bool $hasMore = false;

    /**
     * The time of the next poll, by hrtime().
     */
    protected int $pausedUntil = 0;

    /**
     * Create a new outcome reporter.
     */
    public function __construct(protected Engine $engine)
    {
        //
    }

    /**
     * Report outcomes for one slice of time, unless slow listeners have used their share.
     */
    public function poll(): void
    {
        $began = hrtime(true);

        if ($this->polling || $began < $this->pausedUntil) {
            return;
        }

        $this->polling = true;

        try {
            $this->hasMore = ! $this->reportUntil($began + static::SLICE);
        } finally {
            $this->polling = false;
            $took = hrtime(true) - $began;

            // Every slice that runs out exceeds its time a little.
            if ($took > 2 * static::SLICE) {
                $this->pausedUntil = $began + $took + min(static::PAUSE_FACTOR * $took, static::LONGEST_PAUSE);
            }
        }
    }

    /**
     * Poll again if the last poll left outcomes.
     */
    public function catchUp(): void
    {
        if ($this->hasMore) {
            $this->poll();
        }
    }

    /**
     * Report all outcomes, for a number of seconds at most, and log how many are left.
     */
    public function drain(float $seconds): void
    {
        if ($this->reportUntil(hrtime(true) + (int) ($seconds * 1e9))) {
            return;
        }

        for ($left = 0; ($outcomes = $this->engine->poll()) !== []; $left += count($outcomes));

        ServerLog::warning("Resonate webhooks: the server stopped before {$left} deliveries, drops and log lines were reported, because listeners or the log are slow");
    }

    /**
     * Report outcomes until a time. Returns true if none is left.
     */
    protected function reportUntil(int $end): bool
    {
        while (($outcome = $this->engine->poll(1)[0] ?? null) !== null) {
            try {
                $this->report($outcome);
            } catch (Throwable $e) {
                // An exception in one listener must not affect the outcomes after it.
                $this->failed($e);
            }

            if (hrtime(true) >= $end) {
                return false;
            }
        }

        return true;
    }

    /**
     * Report an exception to Laravel, or to the log if that fails.
     */
    protected function failed(Throwable $e): void
    {
        try {
            app(ExceptionHandler::class)->report($e);
        } catch (Throwable) {
            ServerLog::error("Resonate webhooks: {$e->getMessage()}");
        }
    }

    /**
     * Report one outcome. A type that only a newer engine has is ignored.
     *
     * @param  array{type: string, url?: string, status?: int, app_id?: string, attempts?: int, reason?: string, webhook_id?: string, endpoint?: string, events?: int, dead_letter?: ?string, answer?: array{status: ?int, text: string, time_ms: int}|null, seconds?: int, level?: string, message?: string}  $outcome
     */
    protected function report(array $outcome): void
    {
        match ($outcome['type']) {
            'delivered' => WebhookDelivered::dispatch(
                $outcome['url'], $outcome['status'], $outcome['app_id'], $outcome['attempts'],
                $outcome['webhook_id'], $outcome['endpoint'], $outcome['events'],
            ),
            'dropped' => WebhookDropped::dispatch(
                $outcome['url'], $outcome['app_id'], $outcome['attempts'], $outcome['reason'],
                $outcome['webhook_id'] ?: null, $outcome['endpoint'] ?: null, $outcome['events'], $outcome['dead_letter'],
            ),
            'endpoint_disabled' => EndpointDisabled::dispatch($outcome['url'], $outcome['reason'], $outcome['endpoint']),
            'endpoint_failing' => EndpointFailing::dispatch(
                $outcome['url'], $outcome['reason'], $outcome['seconds'], $outcome['endpoint'],
                $outcome['answer']['text'] ?? null, $outcome['answer']['status'] ?? null, $outcome['answer']['time_ms'] ?? null,
            ),
            'endpoint_recovered' => EndpointRecovered::dispatch($outcome['url'], $outcome['seconds'], $outcome['endpoint']),
            'log' => Log::log($outcome['level'], 'Resonate webhooks: '.$outcome['message']),
            default => null,
        };
    }
}
