<?php

declare(strict_types=1);

namespace Webpatser\Resonate\Protocols\Pusher\Channels;

use ErrorException;

/**
 * Resonate 0.4: a new member gets the `user_info` of all members, and an error if one has none.
 */
class PresenceChannel extends PrivateChannel
{
    public function data(): array
    {
        foreach ($this->members as $member) {
            if (! array_key_exists('user_info', $member->data())) {
                throw new ErrorException('Undefined array key "user_info"');
            }
        }

        return parent::data();
    }
}
