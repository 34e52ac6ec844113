<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Facades;

use Illuminate\Support\Facades\Facade;
use Webpatser\ResonateWebhooks\Testing\WebhooksFake;

/**
 * Sends events of the application's own, from within the Resonate server.
 *
 * @method static bool send(string $event, string $app, ?string $channel = null, mixed $data = null)
 * @method static void assertSent(string|\Closure $event, \Closure|int|null $callback = null)
 * @method static void assertSentTimes(string|\Closure $event, int $times = 1)
 * @method static void assertNotSent(string|\Closure $event, ?\Closure $callback = null)
 * @method static void assertNothingSent()
 * @method static void assertSentCount(int $count)
 * @method static \Illuminate\Support\Collection sent(string|\Closure|null $event = null, ?\Closure $callback = null)
 *
 * @see \Webpatser\ResonateWebhooks\Webhooks
 * @see WebhooksFake
 */
class Webhooks extends Facade
{
    /**
     * Keep the events from now on, instead of sending them, so that a test can look at them.
     */
    public static function fake(): WebhooksFake
    {
        static::swap($fake = new WebhooksFake);

        return $fake;
    }

    /**
     * The name under which the container has what stands behind this.
     */
    protected static function getFacadeAccessor(): string
    {
        return \Webpatser\ResonateWebhooks\Webhooks::class;
    }
}
