<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

class PresenceCacheChannel extends CacheChannel
{
    use VerifiesSubscriptions;
}
