<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

use Laravel\Reverb\Contracts\Connection;
use RuntimeException;

/**
 * Verifies that the backend signed the socket, the channel and the `channel_data` of a subscription.
 */
trait VerifiesSubscriptions
{
    public function subscribe(Connection $connection, ?string $auth = null, ?string $data = null): void
    {
        $signed = implode(':', array_filter([$connection->id(), $this->name(), $data]));

        if (! hash_equals($connection->app()->key().':'.hash_hmac('sha256', $signed, $connection->app()->secret()), (string) $auth)) {
            throw new RuntimeException('Connection is unauthorized');
        }

        parent::subscribe($connection, $auth, $data);
    }
}
