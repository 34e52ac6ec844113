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
     * How long one pump may take, in nanoseconds; only the last listener, or log channel, can overrun it.
     */
    protected const int SLICE = 5_000_000;

    /**
     * How much longer than a pump that overran its time the event loop is left alone: slow listeners get a fifth of its time.
     */
    protected const int REST = 4;

    /**
     * The longest rest, in nanoseconds: what looks slow may have been a listener that suspended its fiber.
     */
    protected const int LONGEST_REST = 10_000_000_000;

    /**
     * Whether a pump is under way: a listener may suspend its fiber, and the tick comes round again.
     */
    protected bool $pumping = false;

    /**
     * Whether the last pump has left outcomes for the next one.
     */
    protected bool $behind = false;

    /**
     * When the next pump may begin, by hrtime().
     */
    protected int $restsUntil = 0;

    /**
     * Create a new outcome reporter.
     */
    public function __construct(protected Engine $engine)
    {
        //
    }

    /**
     * Report outcomes for one slice of time, unless slow listeners have had their share of it.
     */
    public function poll(): void
    {
        $began = hrtime(true);

        if ($this->pumping || $began < $this->restsUntil) {
            return;
        }

        $this->pumping = true;

        try {
            $this->behind = ! $this->reportUntil($began + static::SLICE);
        } finally {
            $this->pumping = false;
            $took = hrtime(true) - $began;

            // A slice that just ran out has overrun its time a little.
            if ($took > 2 * static::SLICE) {
                $this->restsUntil = $began + $took + min(static::REST * $took, static::LONGEST_REST);
            }
        }
    }

    /**
     * Go on where the last pump left outcomes.
     */
    public function catchUp(): void
    {
        if ($this->behind) {
            $this->poll();
        }
    }

    /**
     * Report every outcome there is, for so many seconds at most, and say how many are left.
     */
    public function drain(float $seconds): void
    {
        if ($this->reportUntil(hrtime(true) + (int) ($seconds * 1e9))) {
            return;
        }

        for ($left = 0; ($outcomes = $this->engine->poll()) !== []; $left += count($outcomes));

        Log::warning("Resonate webhooks: the server ended before Laravel had been told of {$left} deliveries, drops and log lines, because listeners or the log are slow");
    }

    /**
     * Report outcomes one by one until then; true when none is left.
     */
    protected function reportUntil(int $end): bool
    {
        while (($outcome = $this->engine->poll(1)[0] ?? null) !== null) {
            try {
                $this->report($outcome);
            } catch (Throwable $e) {
                // A listener that throws must not cost the others their events.
                app(ExceptionHandler::class)->report($e);
            }

            if (hrtime(true) >= $end) {
                return false;
            }
        }

        return true;
    }

    /**
     * Report one outcome; a kind that only a newer engine knows is passed over.
     *
     * @param  array{type: string, url?: string, status?: int, app_id?: string, attempts?: int, reason?: string, webhook_id?: string, endpoint?: string, events?: int, dead_letter?: ?string, seconds?: int, level?: string, message?: string}  $outcome
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
            ),
            'endpoint_recovered' => EndpointRecovered::dispatch($outcome['url'], $outcome['seconds'], $outcome['endpoint']),
            'log' => Log::log($outcome['level'], 'Resonate webhooks: '.$outcome['message']),
            default => null,
        };
    }
}
