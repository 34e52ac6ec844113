<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Plugins\Contracts;

use Webpatser\Resonate\Contracts\Connection;
use Webpatser\Resonate\Protocols\Pusher\Channels\Channel;

interface ConnectionLifecycle
{
    public function onOpen(Connection $connection): void;

    public function onClose(Connection $connection): void;

    public function onSubscribe(Connection $connection, Channel $channel): void;

    public function onUnsubscribe(Connection $connection, Channel $channel): void;
}
