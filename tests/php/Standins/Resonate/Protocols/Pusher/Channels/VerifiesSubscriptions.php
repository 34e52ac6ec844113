<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use RuntimeException;
use Webpatser\Resonate\Contracts\Connection;

/**
 * Verifies that the backend signed the socket, the channel and the `channel_data` of a subscription.
 */
trait VerifiesSubscriptions
{
    public function subscribe(Connection $connection, ?string $auth = null, ?string $data = null): void
    {
        $signed = implode(':', array_filter([$connection->id(), $this->name(), $data]));
        $signature = hash_hmac('sha256', $signed, $connection->app()->secret());

        if (! hash_equals($connection->app()->key().':'.$signature, (string) $auth)) {
            throw new RuntimeException('Connection is unauthorized');
        }

        parent::subscribe($connection, $auth, $data);
    }
}
