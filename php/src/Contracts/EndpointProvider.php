<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Contracts;

/**
 * Knows the endpoints, for applications that keep them in a database.
 *
 * Bind an implementation in a service provider. It is asked when the server
 * starts, and every `endpoints_refresh` seconds from then on.
 */
interface EndpointProvider
{
    /**
     * The endpoints, in the form of the config's own list, in whose place they come.
     *
     * An entry with a key of its own ('billing' => [...], $webhook->id => [...])
     * is the same endpoint as long as it has that key, whatever else about it
     * changes. A list, with the keys 0, 1, 2 and so on, has no keys of its own:
     * its endpoints are known by their URL and application.
     *
     * Private addresses are denied to them, unless 'deny_private_networks' is
     * false in the config or in the entry.
     *
     * @return iterable<array-key, array<string, mixed>>
     */
    public function endpoints(): iterable;
}
