<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\EventTypes;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * A whole webhook was received; each of its events follows as one of its own.
 */
class WebhookReceived
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $appKey  The key of the application that sent it.
     * @param  array{events: list<array<string, mixed>>, time_ms?: mixed}  $payload  All that it says.
     * @param  string|null  $webhookId  Its `webhook-id`, the same in a resend, if its sender has signed one.
     */
    public function __construct(
        public readonly string $appKey,
        public readonly array $payload,
        public readonly ?string $webhookId = null,
    ) {
        //
    }

    /**
     * The event of a webhook.
     */
    public static function from(Webhook $webhook): static
    {
        return new static($webhook->appKey, $webhook->payload(), $webhook->id);
    }

    /**
     * The events in it, in their order.
     *
     * @return list<WebhookEvent>
     */
    public function events(): array
    {
        $time = BaseEvent::instant($this->payload['time_ms'] ?? null);

        return array_map(
            fn (array $event) => EventTypes::make($this->appKey, $event, $time, $this->webhookId),
            $this->payload['events'],
        );
    }
}
