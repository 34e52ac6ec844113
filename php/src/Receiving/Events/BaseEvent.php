<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Carbon\CarbonImmutable;
use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;

/**
 * The base of all events. Listen on the contract instead, since Laravel does not call the listeners of parent classes.
 */
abstract class BaseEvent implements WebhookEvent
{
    use Dispatchable;

    /**
     * The first Unix millisecond of the year 10000. Later times are invalid.
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
     * @param  string  $appKey  The key of the application.
     * @param  array<string, mixed>  $payload  The event in the webhook.
     * @param  CarbonImmutable|null  $time  The time of an event without its own; the current time by default.
     * @param  string|null  $webhookId  The signed `webhook-id` of the webhook.
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
     * Determine if a payload has the fields of this type.
     *
     * @param  array<string, mixed>  $payload
     */
    abstract public static function fits(array $payload): bool;

    /**
     * Convert Unix milliseconds to a time in the application's time zone; null if they are invalid.
     */
    public static function instant(mixed $milliseconds): ?CarbonImmutable
    {
        return is_int($milliseconds) && $milliseconds >= 0 && $milliseconds < self::YEAR_10000
            ? CarbonImmutable::createFromTimestampMs($milliseconds, date_default_timezone_get())
            : null;
    }

    /**
     * Get an ID or name as a string, since some servers send numbers.
     */
    protected static function text(mixed $value): ?string
    {
        return is_string($value) || is_int($value) ? (string) $value : null;
    }

    /**
     * Decode a string that is a JSON document. Anything else is returned unchanged, since some servers send decoded data.
     */
    protected static function decoded(mixed $data): mixed
    {
        return is_string($data) && json_validate($data)
            ? json_decode($data, true, flags: JSON_BIGINT_AS_STRING)
            : $data;
    }
}
