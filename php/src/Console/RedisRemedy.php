<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

/**
 * What an operator can do about a request that Redis refused.
 */
final class RedisRemedy
{
    /**
     * The remedies by reason.
     *
     * @var array<string, string>
     */
    private const array BY_REASON = [
        'unreachable' => 'See whether Redis lives, and whether the servers reach it.',
        'unavailable' => 'Wait until Redis has loaded its data or failed over; its log tells more.',
        'full' => 'Raise its maxmemory, or free memory.',
        'not_saved' => 'See the log of Redis for what keeps it from saving: often the disk is full.',
        'too_few_replicas' => 'Bring its replicas back, or lower min-replicas-to-write.',
        'read_only' => 'Connect to the master, or list the Sentinels in connection.sentinels.',
        'forbidden' => 'Give its user the right that the log names; docs/configuration.md lists all of them.',
        'login' => 'Check connection.username, connection.password and connection.database.',
        'too_old' => 'Update Redis to 6.2 or later, or replace it by Valkey.',
        'wrong_mode' => 'Use a single server, or one behind Sentinels (connection.sentinels).',
        'scripts' => 'Allow our scripts; the log tells how.',
        'wrong_type' => 'Delete or rename the key that the log names, or take another prefix (RESONATE_WEBHOOKS_PREFIX).',
        'mismatch' => 'Give this application a prefix of its own (RESONATE_WEBHOOKS_PREFIX).',
    ];

    /**
     * The remedy for a reason, as `redis_errors` counts them; a newer server may know others.
     */
    public static function for(string $reason): string
    {
        return self::BY_REASON[$reason] ?? 'Its log names the remedy.';
    }
}
