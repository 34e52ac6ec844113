<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Console;

/**
 * The reason for a failed Redis request, as servers count it in `redis_errors`.
 */
enum RedisErrorReason: string
{
    case Unreachable = 'unreachable';
    case Unavailable = 'unavailable';
    case Full = 'full';
    case NotSaved = 'not_saved';
    case TooFewReplicas = 'too_few_replicas';
    case ReadOnly = 'read_only';
    case Forbidden = 'forbidden';
    case Login = 'login';
    case TooOld = 'too_old';
    case WrongMode = 'wrong_mode';
    case Scripts = 'scripts';
    case WrongType = 'wrong_type';
    case Mismatch = 'mismatch';

    /**
     * Get the fix for a reason. Servers of a newer version may report others.
     */
    public static function fixFor(string $reason): string
    {
        return self::tryFrom($reason)?->fix() ?? 'See the log of the server.';
    }

    /**
     * Get the fix.
     */
    public function fix(): string
    {
        return match ($this) {
            self::Unreachable => 'Check that Redis is running and that the servers can reach it.',
            self::Unavailable => 'Wait until Redis has loaded its data or failed over. The Redis log has the details.',
            self::Full => 'Raise maxmemory, or free memory.',
            self::NotSaved => 'See the Redis log for the reason. Often the disk is full.',
            self::TooFewReplicas => 'Restore the replicas, or lower min-replicas-to-write.',
            self::ReadOnly => 'Connect to the master, or list the Sentinels in connection.sentinels.',
            self::Forbidden => 'Grant the permission named in the log of the server. docs/configuration.md lists all of them.',
            self::Login => 'Check connection.username, connection.password and connection.database.',
            self::TooOld => 'Update to Redis 6.2 or later, or to Valkey.',
            self::WrongMode => 'List the servers of a Redis Cluster in connection.cluster, and Sentinels in connection.sentinels. The log of the server says which.',
            self::Scripts => 'Allow Lua scripts. The log of the server says how.',
            self::WrongType => 'Delete or rename the key named in the log of the server, or set another prefix (RESONATE_WEBHOOKS_PREFIX).',
            self::Mismatch => 'Set a separate prefix for this application (RESONATE_WEBHOOKS_PREFIX).',
        };
    }
}
