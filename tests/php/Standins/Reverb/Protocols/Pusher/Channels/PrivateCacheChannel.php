<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

class PrivateCacheChannel extends CacheChannel
{
    use VerifiesSubscriptions;
}
