<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Facades;

use Illuminate\Support\Facades\Facade;

/**
 * Sends events of the application's own, from within the Resonate server.
 *
 * @method static bool send(string $event, string $app, ?string $channel = null, mixed $data = null)
 *
 * @see \Webpatser\ResonateWebhooks\Webhooks
 */
class Webhooks extends Facade
{
    /**
     * The name under which the container has what stands behind this.
     */
    protected static function getFacadeAccessor(): string
    {
        return \Webpatser\ResonateWebhooks\Webhooks::class;
    }
}
