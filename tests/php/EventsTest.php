<?php

declare(strict_types=1);

namespace Tests;

use Illuminate\Foundation\Events\Dispatchable;
use PHPUnit\Framework\TestCase;
use Webpatser\ResonateWebhooks\Events\WebhookDelivered;
use Webpatser\ResonateWebhooks\Events\WebhookDropped;

final class EventsTest extends TestCase
{
    public function test_a_delivery_tells_url_status_application_and_attempts(): void
    {
        $event = new WebhookDelivered('https://example.test/hook', 204, 'app-1', 3);

        $this->assertSame(
            ['url' => 'https://example.test/hook', 'status' => 204, 'appId' => 'app-1', 'attempts' => 3],
            get_object_vars($event),
        );
        $this->assertContains(Dispatchable::class, class_uses($event));
    }

    public function test_a_drop_tells_url_application_attempts_and_reason(): void
    {
        $event = new WebhookDropped('https://example.test/hook', 'app-1', 5, 'HTTP 500');

        $this->assertSame(
            ['url' => 'https://example.test/hook', 'appId' => 'app-1', 'attempts' => 5, 'reason' => 'HTTP 500'],
            get_object_vars($event),
        );
        $this->assertContains(Dispatchable::class, class_uses($event));
    }
}
