<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * Knows the secrets by which applications sign their webhooks.
 *
 * Bind one of your own where they are not in a config file.
 */
interface SecretProvider
{
    /**
     * The secrets of the application with this key, the newest first; none when there is no such application.
     *
     * More than one while a secret is being changed, or where endpoints have secrets of their own.
     *
     * @param  string  $key  Of the `X-Pusher-Key` header, from anybody.
     * @return list<string>
     */
    public function secretsFor(string $key): array;
}
