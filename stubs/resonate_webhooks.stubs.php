<?php

// Stubs for resonate_webhooks

namespace Webpatser\ResonateWebhooks\Native {
    /**
     * What the servers have written down of themselves, from any machine that reaches their Redis. Every method waits for
     * Redis, so this is not for an event loop.
     */
    final class Cluster {
        /**
         * Looks after the servers with this `resonate-webhooks` config array; connects when first used.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Makes the data in Redis that of this config's cluster, after the application was renamed. Returns the former identity;
         * null when there is nothing to adopt.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed also when a newer version has written the data
         *
         * @return string|null
         */
        public function adopt(): ?string {}

        /**
         * The ids of the endpoints that have answered 410 and were not resumed, each with the time in Unix ms.
         *
         * @return array
         */
        public function disabled(): array {}

        /**
         * The endpoints of the config, or those of them whose id, name or URL this is: arrays with the keys id, name, label,
         * url (neither with secrets) and `app_id`. Asks nobody.
         *
         * @param string|null $called
         * @return array
         */
        public function endpoints(?string $called = null): array {}

        /**
         * How they are doing, in the text format of Prometheus; `docs/metrics.md` describes it.
         *
         * @return string
         */
        public function metrics(): string {}

        /**
         * Has nothing more sent to an endpoint, by its id, from within two seconds on; what comes for it waits. False when that is
         * so already.
         *
         * @param string $endpoint
         * @return bool
         */
        public function pause(string $endpoint): bool {}

        /**
         * The ids of the endpoints that are paused, each with the time in Unix ms.
         *
         * @return array
         */
        public function paused(): array {}

        /**
         * What Redis refuses, with every command tried that servers call: [forbidden => the commands that this user may not call,
         * writes => why Redis takes no writes and what can be done about it, or null]. Leaves nothing behind.
         *
         * @return array
         */
        public function refusals(): array {}

        /**
         * Sends again to an endpoint, by its id, that was paused or has answered 410. False when it is neither.
         *
         * @param string $endpoint
         * @return bool
         */
        public function resume(string $endpoint): bool {}

        /**
         * How they are doing; `docs/operations.md` describes the array.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed when Redis cannot be asked, as all methods do
         *
         * @return array
         */
        public function status(): array {}

        /**
         * Sends a test to the endpoint with this id, signed for an application, and waits for the answer: an array with the keys
         * ok, status, error, advice, `took_ms` and id (webhook-id). Null when there is no such endpoint. Asks no Redis.
         *
         * @param string $endpoint
         * @param string $key
         * @param string $secret
         * @return array|null
         */
        public function test(string $endpoint, string $key, string $secret): ?array {}

        /**
         * What is allowed in the config but probably not meant, a sentence each. Asks nobody.
         *
         * @return array
         */
        public function warnings(): array {}

        /**
         * The attempts that servers have made since last, or from now on without it: [last => ..., deliveries => [...]]. To be
         * called again and again, for the servers show them only while somebody looks.
         *
         * @param string|null $last
         * @return array
         */
        public function watch(?string $last = null): array {}
    }

    /**
     * The batches that were given up, newest first. Every method waits for Redis, so this is not for an event loop.
     */
    final class DeadLetters {
        /**
         * Looks after the dead letters of the servers with this `resonate-webhooks` config array; connects when first used.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * How many there are.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\RedisFailed when Redis cannot be asked, as all methods do
         *
         * @return int
         */
        public function count(): int {}

        /**
         * Returns a dead letter, as in `list()`, with its body; null if it does not exist.
         *
         * @param string $id
         * @return array|null
         */
        public function find(string $id): ?array {}

        /**
         * Deletes the dead letters that are older than a number of seconds; all of them with 0. Returns how many.
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
         * Returns up to `limit` dead letters, newest first, that are older than the one with the ID `before`: arrays with the
         * keys id, `webhook_id`, endpoint, url, `app_id`, events (their number), attempts, reason, `time_ms` (of the first
         * event), `dropped_ms` and bytes (including the body).
         *
         * @param int $limit
         * @param string|null $before
         * @return array
         */
        public function list(int $limit = 50, ?string $before = null): array {}

        /**
         * Queues dead letters for another delivery, with their `webhook-id` and a new signature. Each remains a dead letter until
         * it is delivered. Returns how many exist.
         *
         * @param array $ids
         * @return int
         */
        public function retry(array $ids): int {}

        /**
         * Queues all dead letters for another delivery, oldest first. Returns how many.
         *
         * @return int
         */
        public function retryAll(): int {}
    }

    /**
     * The webhooks engine of this process. The object is a handle: destroying it stops nothing, for hooks still arrive while
     * a process ends.
     */
    final class Engine {
        /**
         * The version of the extension.
         */
        public const VERSION = '0.1.0';

        /**
         * Prepares an engine from the `resonate-webhooks` config array; nothing is started yet.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Socket ids that are not on a channel: those whose end the hooks missed are removed.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function absent(string $appId, string $channel, array $sockets): void {}

        /**
         * Starts the background threads, once. Never waits for Redis.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\EngineFailed when the threads cannot be started
         *
         * @return void
         */
        public function boot(): void {}

        /**
         * A socket subscribed to a cache channel and found it empty, or an empty one has its payload now.
         *
         * @param string $appId
         * @param string $channel
         * @param bool $empty
         * @return void
         */
        public function cacheSeen(string $appId, string $channel, bool $empty): void {}

        /**
         * Channels with a local connection: [next cursor, list of [app id, channel]]; cursor 0 begins and ends a round. Null
         * while the engine is busy.
         *
         * @param int $cursor
         * @param int $limit
         * @return array|null
         */
        public function channels(int $cursor, int $limit): ?array {}

        /**
         * The host relayed a client event to the other sockets on a channel; message is what the client sent, byte for byte.
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
         * A socket is gone, and with it all its subscriptions.
         *
         * @param string $appId
         * @param string $socketId
         * @return void
         */
        public function closed(string $appId, string $socketId): void {}

        /**
         * The channels to reconcile because their hooks found the queue full: a list of [app id, channel].
         *
         * @return array
         */
        public function dirtyChannels(): array {}

        /**
         * Up to limit keys of an array, as strings: [next position, list]; position 0 begins and ends it. However large the array
         * is, a page costs what its keys cost.
         *
         * @param array $array
         * @param int $position
         * @param int $limit
         * @return array
         */
        public static function keys(array $array, int $position, int $limit): array {}

        /**
         * A socket connected.
         *
         * @param string $appId
         * @param string $socketId
         * @return void
         */
        public function opened(string $appId, string $socketId): void {}

        /**
         * Takes up to max outcomes, oldest first: deliveries, drops and log lines.
         *
         * @param int $max
         * @return array
         */
        public function poll(int $max = 256): array {}

        /**
         * Some of the live connections of a channel, in the same form: those that the hooks missed are added.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function present(string $appId, string $channel, array $sockets): void {}

        /**
         * All live connections of a channel, socket id to user id ('' for none): what the hooks missed is made up for.
         *
         * @param string $appId
         * @param string $channel
         * @param array $sockets
         * @return void
         */
        public function reconcile(string $appId, string $channel, array $sockets): void {}

        /**
         * Takes an application's credentials, at first sight and whenever they change.
         *
         * @param string $appId
         * @param string $key
         * @param string $secret
         * @return void
         */
        public function registerApp(string $appId, string $key, string $secret): void {}

        /**
         * The times of the config that the host's side needs, in seconds, by their keys.
         *
         * @return array
         */
        public function seconds(): array {}

        /**
         * Sends an event of the application's own; data is a JSON string. Whether an endpoint asks for events of this name, and
         * the channel is not ignored.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent saying what is wrong with it
         * @throws \Webpatser\ResonateWebhooks\Exceptions\QueueFull when too much waits for the engine's threads
         * @throws \Webpatser\ResonateWebhooks\Exceptions\ServerNotRunning when the engine does not run
         *
         * @param string $appId
         * @param string $event
         * @param string|null $channel
         * @param string|null $data
         * @return bool
         */
        public function send(string $appId, string $event, ?string $channel = null, ?string $data = null): bool {}

        /**
         * Delivers to the endpoints of this `resonate-webhooks` config array from now on; the rest of it is not looked at.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong; then nothing has changed
         *
         * @param array $config
         * @return void
         */
        public function setEndpoints(array $config): void {}

        /**
         * Sends on what waits, for at most deadlineMs milliseconds; true when nothing was left. Hooks go on working.
         *
         * @param int $deadlineMs
         * @return bool
         */
        public function shutdown(int $deadlineMs): bool {}

        /**
         * The socket ids that the engine has on a channel: [next cursor, list]; cursor 0 begins and ends a round. Null while the
         * engine is busy.
         *
         * @param string $appId
         * @param string $channel
         * @param int $cursor
         * @param int $limit
         * @return array|null
         */
        public function sockets(string $appId, string $channel, int $cursor, int $limit): ?array {}

        /**
         * Counters and gauges by name.
         *
         * @return array
         */
        public function stats(): array {}

        /**
         * A socket subscribed to a channel; userData is what it said of its user, as a JSON string.
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
         * A socket left a channel.
         *
         * @param string $appId
         * @param string $channel
         * @param string $socketId
         * @return void
         */
        public function unsubscribed(string $appId, string $channel, string $socketId): void {}

        /**
         * The ids of applications that are not registered and have events: the host is to be asked for them. Each is named once
         * a second until it is registered, or for a minute after its last event came.
         *
         * @return array
         */
        public function wantedApps(): array {}

        /**
         * Whether an endpoint wants to know of empty cache channels: `cacheSeen()` is for nothing otherwise.
         *
         * @return bool
         */
        public function wantsCacheMisses(): bool {}

        /**
         * Whether an endpoint wants to know of connections: `opened()` is for nothing otherwise.
         *
         * @return bool
         */
        public function wantsConnections(): bool {}

        /**
         * Whether an endpoint wants the data of members: `subscribed()` passes none on otherwise.
         *
         * @return bool
         */
        public function wantsMemberData(): bool {}
    }

    /**
     * Puts events of the application's own into the outbox in Redis, from which servers deliver them. It waits for Redis, so
     * this is not for an event loop.
     */
    final class EventSender {
        /**
         * Sends to the servers with this `resonate-webhooks` config array; connects when first used.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidConfig naming the key that is wrong
         *
         * @param array $config
         */
        public function __construct(array $config) {}

        /**
         * Sends an event; data is a JSON string. Whether an endpoint of the config asks for events of this name, and the channel
         * is not ignored: if not, nothing is sent.
         *
         * @throws \Webpatser\ResonateWebhooks\Exceptions\InvalidEvent saying what is wrong with it
         * @throws \Webpatser\ResonateWebhooks\Exceptions\EventNotSent when Redis has not taken it
         *
         * @param string $appId
         * @param string $event
         * @param string|null $channel
         * @param string|null $data
         * @return bool
         */
        public function send(string $appId, string $event, ?string $channel = null, ?string $data = null): bool {}
    }
}
