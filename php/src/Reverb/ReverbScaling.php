<?php

declare(strict_types=1);

namespace Webpatser\ResonateWebhooks\Reverb;

use Illuminate\Redis\RedisManager;
use Throwable;

/**
 * The processes of a scaled Reverb, as the Redis of its scaling channel knows them.
 */
final class ReverbScaling
{
    /**
     * Count the processes that are subscribed to the scaling channel. Returns null when Reverb is not scaled, or when that Redis
     * does not answer to this process.
     */
    public static function processes(): ?int
    {
        $scaling = (array) config('reverb.servers.reverb.scaling', []);

        if (! filter_var($scaling['enabled'] ?? false, FILTER_VALIDATE_BOOL)) {
            return null;
        }

        $connection = array_filter((array) ($scaling['server'] ?? []), fn (mixed $value) => $value !== null && $value !== '');
        $redis = new RedisManager(app(), (string) config('database.redis.client', 'phpredis'), ['default' => ['timeout' => 2] + $connection, 'options' => ['prefix' => '']]);

        try {
            // Both of Laravel's clients return the name of the channel, then the number.
            return (int) $redis->connection()->executeRaw(['PUBSUB', 'NUMSUB', (string) ($scaling['channel'] ?? 'reverb')])[1];
        } catch (Throwable) {
            return null;
        }
    }
}
