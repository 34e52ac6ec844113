<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Foundation\Events\Dispatchable;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Events\WebhookDropped;

final class EventsTest extends TestCase
{
    public function test_webhook_delivered_has_required_and_optional_properties(): void
    {
        $first = ['url' => 'https://example.test/hook', 'status' => 204, 'appId' => 'app-1', 'attempts' => 3];

        $this->assertSame($first + ['webhookId' => null, 'endpointId' => null, 'events' => null], get_object_vars(new WebhookDelivered(...array_values($first))));

        $all = $first + ['webhookId' => 'msg_1', 'endpointId' => 'billing', 'events' => 7];
        $this->assertSame($all, get_object_vars(new WebhookDelivered(...array_values($all))));
        $this->assertContains(Dispatchable::class, class_uses(WebhookDelivered::class));
    }

    public function test_webhook_dropped_has_required_and_optional_properties(): void
    {
        $first = ['url' => 'https://example.test/hook', 'appId' => 'app-1', 'attempts' => 5, 'reason' => 'HTTP 500'];

        $this->assertSame(
            $first + ['webhookId' => null, 'endpointId' => null, 'events' => null, 'deadLetterId' => null],
            get_object_vars(new WebhookDropped(...array_values($first))),
        );

        $all = $first + ['webhookId' => 'msg_1', 'endpointId' => 'billing', 'events' => 7, 'deadLetterId' => '1700000000000-0'];
        $this->assertSame($all, get_object_vars(new WebhookDropped(...array_values($all))));
        $this->assertContains(Dispatchable::class, class_uses(WebhookDropped::class));
    }
}
