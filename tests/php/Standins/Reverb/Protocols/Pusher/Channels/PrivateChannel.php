<?php

declare(strict_types=1);

namespace Laravel\Reverb\Protocols\Pusher\Channels;

class PrivateChannel extends Channel
{
    use VerifiesSubscriptions;
}
