<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Hosts;

/**
 * The WebSocket server that this process runs, as the rest of the package sees it.
 *
 * Its own objects pass through as they are. Applications, connections and members have the same methods in Resonate and
 * Reverb: `id()`, `key()`, `secret()`; `id()`, `app()`; `data()`.
 */
interface Host
{
    /**
     * Get the applications that the host's provider has now, as the host's own objects. It may be a database.
     *
     * @return iterable<object>
     */
    public function applications(): iterable;

    /**
     * Get the host's own object of one application. Throws when there is none.
     */
    public function application(string $id): object;

    /**
     * Get the channels of an application that have subscribers on this node, by name. Only the keys matter.
     *
     * @return array<array-key, mixed>
     */
    public function channels(Application $app): array;

    /**
     * Get the members of a channel on this node, as the host's own objects by socket id.
     *
     * @return array<string, object>
     */
    public function members(Application $app, string $channel): array;

    /**
     * Get what the engine needs to know about this host, as keys of its config.
     *
     * @param  array<string, mixed>  $config  The `resonate-webhooks` config.
     * @return array<string, mixed>
     */
    public function settings(array $config): array;

    /**
     * Get what is wrong with the host's setup, a sentence each. It is logged when webhooks have started.
     *
     * @param  array<string, mixed>  $config  The `resonate-webhooks` config.
     * @return list<string>
     */
    public function warnings(array $config): array;
}
