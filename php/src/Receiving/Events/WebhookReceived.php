<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Events;

use Illuminate\Foundation\Events\Dispatchable;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\EventTypes;
use Webpatser\ResonateWebhooks\Receiving\Webhook;

/**
 * A webhook was received. Each of its events follows as a separate Laravel event.
 */
class WebhookReceived
{
    use Dispatchable;

    /**
     * Create a new event instance.
     *
     * @param  string  $appKey  The key of the application.
     * @param  array{events: list<array<string, mixed>>, time_ms?: mixed}  $payload  The decoded body.
     * @param  string|null  $webhookId  The signed `webhook-id`, the same in a resend.
     */
    public function __construct(
        public readonly string $appKey,
        public readonly array $payload,
        public readonly ?string $webhookId = null,
    ) {
        //
    }

    /**
     * Create the event of a webhook.
     */
    public static function from(Webhook $webhook): static
    {
        return new static($webhook->appKey, $webhook->payload(), $webhook->id);
    }

    /**
     * Get the events of the webhook, in order.
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
