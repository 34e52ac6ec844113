<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

class PresenceChannel extends Channel
{
    use DescribesMembers;
    use VerifiesSubscriptions;
}
