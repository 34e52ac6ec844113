<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Receiving\Contracts;

/**
 * Provides the secrets that sign the webhooks of applications.
 *
 * Bind your own implementation if the secrets are not in a config file.
 */
interface SecretProvider
{
    /**
     * Get the secrets of the application with a key, the newest first; an empty list if the application does not exist.
     *
     * Return several while a secret is rotated, or if endpoints have their own secrets.
     *
     * @param  string  $key  The value of the `X-Pusher-Key` header, which is not verified yet.
     * @return list<string>
     */
    public function secretsFor(string $key): array;
}
