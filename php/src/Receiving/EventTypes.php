<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving;

use Carbon\CarbonImmutable;
use Webpatser\ResonateWebhooks\Receiving\Contracts\WebhookEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\BaseEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\CacheMiss;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelOccupied;
use Webpatser\ResonateWebhooks\Receiving\Events\ChannelVacated;
use Webpatser\ResonateWebhooks\Receiving\Events\ClientEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\ConnectionEstablished;
use Webpatser\ResonateWebhooks\Receiving\Events\ConnectionTerminated;
use Webpatser\ResonateWebhooks\Receiving\Events\CustomEvent;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberAdded;
use Webpatser\ResonateWebhooks\Receiving\Events\MemberRemoved;
use Webpatser\ResonateWebhooks\Receiving\Events\SubscriptionCount;

/**
 * Maps the events of webhooks to classes.
 */
final class EventTypes
{
    /**
     * The classes by event name.
     *
     * @var array<string, class-string<BaseEvent>>
     */
    private const array BY_NAME = [
        'channel_occupied' => ChannelOccupied::class,
        'channel_vacated' => ChannelVacated::class,
        'member_added' => MemberAdded::class,
        'member_removed' => MemberRemoved::class,
        'client_event' => ClientEvent::class,
        'cache_miss' => CacheMiss::class,
        'subscription_count' => SubscriptionCount::class,
        'connection_established' => ConnectionEstablished::class,
        'connection_terminated' => ConnectionTerminated::class,
    ];

    /**
     * Create an event. An unknown name, or a payload that lacks what the name requires, creates a custom event.
     *
     * @param  array<string, mixed>  $event
     * @param  CarbonImmutable|null  $time  The time of the webhook, for an event without its own.
     */
    public static function make(string $appKey, array $event, ?CarbonImmutable $time, ?string $webhookId): WebhookEvent
    {
        $name = $event['name'] ?? null;
        $class = is_string($name) ? self::BY_NAME[$name] ?? CustomEvent::class : CustomEvent::class;

        return $class::fits($event)
            ? new $class($appKey, $event, $time, $webhookId)
            : new CustomEvent($appKey, $event, $time, $webhookId);
    }
}
