<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

class PresenceCacheChannel extends CacheChannel
{
    use DescribesMembers;
    use VerifiesSubscriptions;
}
