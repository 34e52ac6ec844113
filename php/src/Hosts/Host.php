<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

/**
 * The WebSocket server of this process.
 *
 * Methods return the host's own objects. They have the same methods in Resonate and Reverb: applications `id()`, `key()` and
 * `secret()`, connections `id()` and `app()`, members `data()`.
 */
interface Host
{
    /**
     * Get the current applications of the host's provider, which may query a database.
     *
     * @return iterable<object>
     */
    public function applications(): iterable;

    /**
     * Get an application by its ID. Throws if it does not exist.
     */
    public function application(string $id): object;

    /**
     * Get the channels of an application that have subscribers on this node, by name. Only the keys matter.
     *
     * @return array<array-key, mixed>
     */
    public function channels(Application $app): array;

    /**
     * Get the members of a channel on this node, by socket ID.
     *
     * @return array<string, object>
     */
    public function members(Application $app, string $channel): array;

    /**
     * Get the config keys that the engine needs for this host.
     *
     * @param  array<string, mixed>  $config  The `resonate-webhooks` config.
     * @return array<string, mixed>
     */
    public function settings(array $config): array;

    /**
     * Get warnings about the host's setup. They are logged when webhooks have started.
     *
     * @param  array<string, mixed>  $config  The `resonate-webhooks` config.
     * @return list<string>
     */
    public function warnings(array $config): array;
}
