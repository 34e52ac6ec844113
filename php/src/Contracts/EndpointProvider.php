<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

/**
 * Provides the endpoints of applications that store them, for example in a database.
 *
 * Bind an implementation in a service provider. It is called when the server
 * starts, and every `endpoints_refresh` seconds after that.
 */
interface EndpointProvider
{
    /**
     * Get the endpoints, in the format of the `endpoints` config, which they replace.
     *
     * The key of an entry is the ID of the endpoint ('billing' => [...], or
     * $webhook->id => [...]). It stays the same endpoint when the rest of the
     * entry changes. The entries of a list (0, 1, 2 and so on) are identified
     * by their URL and application.
     *
     * Private networks are denied, unless 'deny_private_networks' is false in
     * the config or in the entry.
     *
     * @return iterable<array-key, array<string, mixed>>
     */
    public function endpoints(): iterable;
}
