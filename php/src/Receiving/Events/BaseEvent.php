<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Carbon\CarbonImmutable;
use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;

/**
 * The base of all events. Listen on the contract instead: Laravel calls no listeners of parent classes.
 */
abstract class BaseEvent implements WebhookEvent
{
    use Dispatchable;

    /**
     * The first Unix millisecond with a year of five digits: no clock says that.
     */
    private const int YEAR_10000 = 253_402_300_800_000;

    public readonly CarbonImmutable $time;

    public string $name {
        get => is_string($this->payload['name'] ?? null) ? $this->payload['name'] : '';
    }

    public ?string $id {
        get => self::text($this->payload['id'] ?? null);
    }

    /**
     * Create a new event instance.
     *
     * @param  string  $appKey  The key of the application in which it happened.
     * @param  array<string, mixed>  $payload  The event as it stands in the webhook.
     * @param  CarbonImmutable|null  $time  For an event that has none of its own; now, if there is none at all.
     * @param  string|null  $webhookId  The `webhook-id` of the webhook, if its sender has signed one.
     */
    public function __construct(
        public readonly string $appKey,
        public readonly array $payload,
        ?CarbonImmutable $time = null,
        public readonly ?string $webhookId = null,
    ) {
        $this->time = self::instant($payload['time_ms'] ?? null) ?? $time ?? CarbonImmutable::now();
    }

    /**
     * Determine whether a payload has what this type requires.
     *
     * @param  array<string, mixed>  $payload
     */
    abstract public static function fits(array $payload): bool;

    /**
     * The moment that so many Unix milliseconds stand for, in the application's time zone; null for what is no such number.
     */
    public static function instant(mixed $milliseconds): ?CarbonImmutable
    {
        return is_int($milliseconds) && $milliseconds >= 0 && $milliseconds < self::YEAR_10000
            ? CarbonImmutable::createFromTimestampMs($milliseconds, date_default_timezone_get())
            : null;
    }

    /**
     * An id or a name; numbers, which some servers send, become text.
     */
    protected static function text(mixed $value): ?string
    {
        return is_string($value) || is_int($value) ? (string) $value : null;
    }

    /**
     * What is in a JSON document in a string; what is none is data itself, as some servers send it.
     */
    protected static function decoded(mixed $data): mixed
    {
        return is_string($data) && json_validate($data)
            ? json_decode($data, true, flags: JSON_BIGINT_AS_STRING)
            : $data;
    }
}
