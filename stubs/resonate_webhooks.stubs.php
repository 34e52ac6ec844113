<?php

// Stubs for resonate_webhooks

namespace Webpatser\ResonateWebhooks\Native {
    /**
     * The status of the servers, from any machine that can reach their Redis. Every method waits for Redis unless it says
     * otherwise, so do not call it in an event loop.
     */
    final class Cluster {
        /**
         * Creates a client for the servers with this `resonate-webhooks` config array. Connects on first use.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Adopts the data in Redis for the cluster of this config, after the application was renamed. Returns the former identity,
         * or null if there is nothing to adopt.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed also if a newer version has written the data
         *
         * @return string|null
         */
        public function adopt(): ?string {}

        /**
         * Returns the ids of the endpoints that have answered 410 and were not resumed, each with the time in Unix ms.
         *
         * @return array
         */
        public function disabled(): array {}

        /**
         * Returns the endpoints of the config, or those with this id, name or URL: arrays with the keys id, name, label, url and
         * `app_id`. Label and url contain no secrets. Does not use Redis.
         *
         * @param string|null $called
         * @return array
         */
        public function endpoints(?string $called = null): array {}

        /**
         * Returns the history of the last minutes (up to 1440), in points of step minutes: of all endpoints, of those with these ids,
         * and of the servers' load. `docs/operations.md` describes the array.
         *
         * @param array $endpoints
         * @param int $minutes
         * @param int $step
         * @return array
         */
        public function history(array $endpoints, int $minutes = 60, int $step = 1): array {}

        /**
         * Returns the metrics in the text format of Prometheus. `docs/metrics.md` describes them.
         *
         * @return string
         */
        public function metrics(): string {}

        /**
         * Pauses deliveries to the endpoint with this id, on every server within two seconds. Its events wait. Returns false if it
         * is already paused.
         *
         * @param string $endpoint
         * @return bool
         */
        public function pause(string $endpoint): bool {}

        /**
         * Returns the ids of the paused endpoints, each with the time of its pause in Unix ms.
         *
         * @return array
         */
        public function paused(): array {}

        /**
         * Tries every command that servers call, without leaving data in Redis, and returns what Redis refuses: [forbidden => the
         * commands that this user may not call, writes => the reason that Redis accepts no writes with a remedy, or null].
         *
         * @return array
         */
        public function refusals(): array {}

        /**
         * Resumes deliveries to the endpoint with this id, which is paused or has answered 410. Returns false if it is neither.
         *
         * @param string $endpoint
         * @return bool
         */
        public function resume(string $endpoint): bool {}

        /**
         * Returns the status of nodes, endpoints, lanes and Redis. `docs/operations.md` describes the array.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable, like every method
         *
         * @return array
         */
        public function status(): array {}

        /**
         * Sends a test to the endpoint with this id, signed for an application, and waits for the answer. Returns an array with the
         * keys ok, status, error, advice, `took_ms` and id (webhook-id), or null if there is no such endpoint. Does not use Redis.
         *
         * @param string $endpoint
         * @param string $key
         * @param string $secret
         * @return array|null
         */
        public function test(string $endpoint, string $key, string $secret): ?array {}

        /**
         * Returns warnings about settings that are valid but probably a mistake, one sentence each. Does not use Redis.
         *
         * @return array
         */
        public function warnings(): array {}

        /**
         * Returns the attempts made since last, or starts with the next ones without it: [last => ..., deliveries => [...]]. Call
         * it repeatedly, because servers record attempts only while they are watched.
         *
         * @param string|null $last
         * @return array
         */
        public function watch(?string $last = null): array {}
    }

    /**
     * The dead letters: batches that will not be tried again. Every method waits for Redis, so do not call it in an event loop.
     */
    final class DeadLetters {
        /**
         * Creates a client for the dead letters of the servers with this `resonate-webhooks` config array. Connects on first use.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Returns the number of dead letters.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable, like every method
         *
         * @return int
         */
        public function count(): int {}

        /**
         * Returns a dead letter as in `list()`, with its body, or null if it does not exist.
         *
         * @param string $id
         * @return array|null
         */
        public function find(string $id): ?array {}

        /**
         * Deletes the dead letters older than a number of seconds, or all with 0. Returns how many were deleted.
         *
         * @param int $olderThan
         * @return int
         */
        public function flush(int $olderThan = 0): int {}

        /**
         * Deletes dead letters. Returns how many existed.
         *
         * @param array $ids
         * @return int
         */
        public function forget(array $ids): int {}

        /**
         * Returns up to limit dead letters, newest first, that are older than the dead letter before: arrays with the keys id,
         * `webhook_id`, endpoint, url, `app_id`, events, attempts, reason, answer (to the last attempt: [status, text, `time_ms`], or
         * null), `time_ms` (of the first event), `dropped_ms` and bytes (its size in Redis).
         *
         * @param int $limit
         * @param string|null $before
         * @return array
         */
        public function list(int $limit = 50, ?string $before = null): array {}

        /**
         * Returns the shards that the last call left out because they did not answer: a reason for each. Empty with one shard, where
         * that is an error.
         *
         * @return array
         */
        public function missing(): array {}

        /**
         * Sends dead letters again. Any server may send them, with the same webhook-id and a new signature. Each stays a dead letter
         * until it is delivered. Returns how many exist.
         *
         * @param array $ids
         * @return int
         */
        public function retry(array $ids): int {}

        /**
         * Sends all dead letters again, oldest first. Returns how many there are.
         *
         * @return int
         */
        public function retryAll(): int {}
    }

    /**
     * The webhooks engine of this process. The object is a handle: destroying it stops nothing, because hooks still arrive while
     * the process ends.
     */
    final class Engine {
        /**
         * The version of the extension.
         */
        public const VERSION = '0.1.0';

        /**
         * Creates an engine from the `resonate-webhooks` config array. Starts nothing yet.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Takes a list of socket ids that are not on a channel. Removes those whose unsubscribe the hooks missed.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function absent(string $appId, string $channel, array $sockets): void {}

        /**
         * Starts the background threads on the first call. Never waits for Redis.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\EngineFailed if the threads cannot be started
         *
         * @return void
         */
        public function boot(): void {}

        /**
         * Hook: a socket subscribed to an empty cache channel (empty is true), or an empty one now has a payload (false).
         *
         * @param string $appId
         * @param string $channel
         * @param bool $empty
         * @return void
         */
        public function cacheSeen(string $appId, string $channel, bool $empty): void {}

        /**
         * Returns channels with a local connection: [next cursor, list of [app id, channel]]. Cursor 0 begins and ends a round.
         * Returns null while the engine is busy.
         *
         * @param int $cursor
         * @param int $limit
         * @return array|null
         */
        public function channels(int $cursor, int $limit): ?array {}

        /**
         * Hook: the host relayed a client event to the other sockets on a channel. message is the client's message, byte for byte.
         *
         * @param string $appId
         * @param string $channel
         * @param string $socketId
         * @param string $message
         * @param string|null $userId
         * @return void
         */
        public function clientEvent(string $appId, string $channel, string $socketId, string $message, ?string $userId = null): void {}

        /**
         * Hook: a socket closed. This ends all its subscriptions.
         *
         * @param string $appId
         * @param string $socketId
         * @return void
         */
        public function closed(string $appId, string $socketId): void {}

        /**
         * Returns the channels to reconcile because a hook found the queue full: a list of [app id, channel].
         *
         * @return array
         */
        public function dirtyChannels(): array {}

        /**
         * Returns up to limit keys of an array, as strings: [next position, list]. Position 0 begins and ends a round. The cost of
         * a page does not depend on the size of the array.
         *
         * @param array $array
         * @param int $position
         * @param int $limit
         * @return array
         */
        public static function keys(array $array, int $position, int $limit): array {}

        /**
         * Hook: a socket connected.
         *
         * @param string $appId
         * @param string $socketId
         * @return void
         */
        public function opened(string $appId, string $socketId): void {}

        /**
         * Takes up to max outcomes, oldest first: deliveries, drops, changes of endpoints and log lines.
         *
         * @param int $max
         * @return array
         */
        public function poll(int $max = 256): array {}

        /**
         * Takes some of the live connections of a channel, as `reconcile()` does. Adds those that the hooks missed.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function present(string $appId, string $channel, array $sockets): void {}

        /**
         * Compares the engine's state of a channel with all its live connections, socket id => user id ('' for none). Corrects
         * what the hooks missed.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function reconcile(string $appId, string $channel, array $sockets): void {}

        /**
         * Sets an application's credentials. Call it for each new application and whenever its credentials change.
         *
         * @param string $appId
         * @param string $key
         * @param string $secret
         * @return void
         */
        public function registerApp(string $appId, string $key, string $secret): void {}

        /**
         * Returns the times of the config that PHP code needs, in seconds, by config key.
         *
         * @return array
         */
        public function seconds(): array {}

        /**
         * Sends an event of the application's own. data is a JSON string. Returns true if an endpoint wants events of this name and
         * the channel is not ignored.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent if the event is invalid
         * @throws \Webpatser\ResonateWebhooks\Exceptions\QueueFull if the queue to the engine's threads is full
         * @throws \Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning if the engine does not run
         *
         * @param string $appId
         * @param string $event
         * @param string|null $channel
         * @param string|null $data
         * @return bool
         */
        public function send(string $appId, string $event, ?string $channel = null, ?string $data = null): bool {}

        /**
         * Replaces the endpoints with those of this `resonate-webhooks` config array. Ignores the rest of the array.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key, and
         * nothing changes
         *
         * @param array $config
         * @return void
         */
        public function setEndpoints(array $config): void {}

        /**
         * Sends waiting events, for at most deadlineMs milliseconds. Returns true if none is left. Hooks continue to work.
         *
         * @param int $deadlineMs
         * @return bool
         */
        public function shutdown(int $deadlineMs): bool {}

        /**
         * Returns the socket ids that the engine has on a channel: [next cursor, list]. Cursor 0 begins and ends a round. Returns
         * null while the engine is busy.
         *
         * @param string $appId
         * @param string $channel
         * @param int $cursor
         * @param int $limit
         * @return array|null
         */
        public function sockets(string $appId, string $channel, int $cursor, int $limit): ?array {}

        /**
         * Returns counters and gauges by name.
         *
         * @return array
         */
        public function stats(): array {}

        /**
         * Hook: a socket subscribed to a channel. userData is the member data of a presence channel, as a JSON string.
         *
         * @param string $appId
         * @param string $channel
         * @param string $socketId
         * @param string|null $userId
         * @param string|null $userData
         * @return void
         */
        public function subscribed(string $appId, string $channel, string $socketId, ?string $userId = null, ?string $userData = null): void {}

        /**
         * Hook: a socket unsubscribed from a channel.
         *
         * @param string $appId
         * @param string $channel
         * @param string $socketId
         * @return void
         */
        public function unsubscribed(string $appId, string $channel, string $socketId): void {}

        /**
         * Returns the ids of applications that have events and are not registered, so that the host must look them up. Returns each
         * once a second until it is registered, or until a minute after its last event.
         *
         * @return array
         */
        public function wantedApps(): array {}

        /**
         * Returns true if an endpoint wants `cache_miss` events. Otherwise `cacheSeen()` has no effect.
         *
         * @return bool
         */
        public function wantsCacheMisses(): bool {}

        /**
         * Returns true if an endpoint wants connection events. Otherwise `opened()` has no effect.
         *
         * @return bool
         */
        public function wantsConnections(): bool {}

        /**
         * Returns true if an endpoint wants member data. Otherwise `subscribed()` ignores it.
         *
         * @return bool
         */
        public function wantsMemberData(): bool {}
    }

    /**
     * Appends the application's own events to the outbox in Redis, from which the servers deliver them. Every method waits for
     * Redis, so do not call it in an event loop.
     */
    final class EventSender {
        /**
         * Creates a sender for the servers with this `resonate-webhooks` config array. Connects on first use.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Sends an event. data is a JSON string. Returns true if an endpoint of the config wants events of this name and the
         * channel is not ignored. Otherwise sends nothing.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent if the event is invalid
         * @throws \Webpatser\ResonateWebhooks\Exceptions\EventNotSent if Redis has not accepted the event
         *
         * @param string $appId
         * @param string $event
         * @param string|null $channel
         * @param string|null $data
         * @return bool
         */
        public function send(string $appId, string $event, ?string $channel = null, ?string $data = null): bool {}
    }

    /**
     * Reads the occupied channels of the whole cluster and their members from Redis. Every method waits for Redis, so do not
     * call it in an event loop.
     */
    final class Presence {
        /**
         * Creates a reader for the servers with this `resonate-webhooks` config array. Connects on first use.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig if the config is invalid; the message names the key
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Returns about limit occupied channels that begin with prefix, and the cursor of the next page, null after the last one:
         * [names => [...], cursor => ...].
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed if Redis is unavailable or does not have all data, like every
         * method
         * @throws \Webpatser\ResonateWebhooks\Exceptions\NotTracked if the servers do not have the answer, like every method
         *
         * @param string $appId
         * @param string $prefix
         * @param int $limit
         * @param string|null $cursor
         * @return array
         */
        public function channels(string $appId, string $prefix, int $limit, ?string $cursor = null): array {}

        /**
         * Returns the number of members of a presence channel, or of connections of another channel.
         *
         * @param string $appId
         * @param string $channel
         * @return int
         */
        public function count(string $appId, string $channel): int {}

        /**
         * Returns about limit members of a channel, as `channels()` does.
         *
         * @param string $appId
         * @param string $channel
         * @param int $limit
         * @param string|null $cursor
         * @return array
         */
        public function members(string $appId, string $channel, int $limit, ?string $cursor = null): array {}

        /**
         * Returns true if the channel is occupied.
         *
         * @param string $appId
         * @param string $channel
         * @return bool
         */
        public function occupied(string $appId, string $channel): bool {}
    }
}
