<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Facades;

use Illuminate\Support\Facades\Facade;
use Webpatser\ResonateWebhooks\Contracts\Presence;
use Webpatser\ResonateWebhooks\Testing\WebhooksFake;

/**
 * Sends custom events and tells who is connected, from any process with the extension.
 *
 * @method static bool send(string $event, string $app, ?string $channel = null, mixed $data = null)
 * @method static \Webpatser\ResonateWebhooks\AppPresence app(string $id)
 * @method static \Illuminate\Support\LazyCollection channels(string $app, string $prefix = '')
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
     * Replace the servers with a fake that records events for assertions and answers who is there.
     */
    public static function fake(): WebhooksFake
    {
        static::swap($fake = new WebhooksFake);
        static::getFacadeApplication()?->instance(Presence::class, $fake->presence());

        return $fake;
    }

    /**
     * Get the registered name of the component.
     */
    protected static function getFacadeAccessor(): string
    {
        return \Webpatser\ResonateWebhooks\Webhooks::class;
    }
}
